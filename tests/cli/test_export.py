"""`export`, `health` and `evaluate` on the command line, of the models of runs."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import typer
from click.testing import Result
from typer.testing import CliRunner

from lab.asr import weights
from lab.asr.engine import Engine
from lab.cli.evaluate import evaluate
from lab.cli.export import export
from lab.cli.health import RED, health
from lab.core.workspace import Workspace, write_json
from lab.evaluation import report_files, rescored
from lab.health import Check, HealthReport, read_report
from lab.scoring import Normaliser
from lab.training import runs
from lab.training.config import Config
from tests.support.commands import assert_refused
from tests.support.listening import silence
from tests.support.whispers import BRIEF, TINY, payload, random_model, talking_model

app = typer.Typer()
app.command()(evaluate)
app.command()(export)
app.command()(health)


def lab(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture
def run(workspace: Workspace) -> runs.Run:
    made = runs.create(workspace, Config(dataset="gone"), name="shqip-1")
    torch.save(payload(talking_model()), made.model_path)
    return made


def test_a_run_is_exported_with_its_card(
    workspace: Workspace, run: runs.Run, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "shqip"
    done = lab(
        *("export", run.name, "--format", "ctranslate2", "--precision", "float16"),
        *("--output-dir", target, "--clips", 0, "--workspace", workspace.root),
    )
    assert (done.exit_code, done.stderr) == (0, f"Wrote {target} for faster-whisper.\n")
    assert done.stdout.startswith("Not proven: there was no clip")
    weights.build(weights.read(target), called="the export")
    assert "# shqip\\-1" in (target / "README.md").read_text()
    assert json.loads((target / "proof.json").read_text())["outcome"] == "not proven"


def test_without_the_dataset_of_the_run_there_is_an_export_that_is_not_proven(
    workspace: Workspace, run: runs.Run, tmp_path: Path
) -> None:
    to = ("--format", "openai", "--output-dir", tmp_path / "out", "--workspace", workspace.root)
    assert_refused(lab("export", run.name, *to, "--dataset", "gone"), "gone")
    done = lab("export", run.name, *to)
    assert done.exit_code == 0
    assert "There is no dataset “gone”" in done.stderr
    assert done.stdout.startswith("Not proven: there was no clip")
    assert (tmp_path / "out" / "model.pt").is_file()


def test_what_cannot_be_exported_is_refused_at_once(
    workspace: Workspace, run: runs.Run, tmp_path: Path
) -> None:
    place = ("--workspace", workspace.root)
    to = ("--output-dir", tmp_path / "out")
    assert_refused(lab("export", run.name, "--format", "onnx", *to, *place), "openai, huggingface")
    precision = ("--format", "openai", "--precision", "int8")
    assert_refused(lab("export", run.name, *precision, *to, *place), "float32 or float16")
    taken = ("--output-dir", run.folder)
    assert_refused(lab("export", "base", "--format", "openai", *taken, *place), "is there already")
    nothing = lab("export", "nothing", "--format", "openai", *to, *place)
    assert_refused(nothing, "no model called “nothing”")
    assert not (tmp_path / "out").exists()


def test_health_is_told_kept_with_the_run_and_in_the_exit_code(
    workspace: Workspace, run: runs.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    harmed = Check("noise", "Noise", "red", "words", 12, 1, "It talks in noise.")
    found = HealthReport("shqip-1", "base", "2026-01-01", (harmed,))
    monkeypatch.setattr("lab.health.health_check", lambda *_, **__: found)
    done = lab("health", "--model", run.name, "--workspace", workspace.root)
    assert done.exit_code == RED
    assert done.stdout.splitlines() == [
        "red    Noise  It talks in noise.",
        "shqip-1 was harmed by its training: noise.",
    ]
    assert read_report(run.folder / "health.json") == found


def test_a_run_is_evaluated_by_its_name_on_what_it_has_not_learned_from(
    workspace: Workspace, run: runs.Run
) -> None:
    made = silence(workspace, 1, 2)
    edits = [(one, replace(one, transcription="po", split="test")) for one in made.entries()]
    made.change(edits, what="split anew")
    known, new = made.entries()
    config = replace(run.config, dataset="a")
    (run.folder / runs.CONFIG).write_text(config.to_yaml(), encoding="utf-8")
    write_json(run.folder / runs.DATASET, {"learned": [known.file_name]})
    call = ("evaluate", "--model", run.name, "--dataset", "a", "--workspace", workspace.root)
    done = lab(*call, "--output-dir", workspace.root / "out")
    assert (done.exit_code, done.stdout.splitlines()[2].split()[0]) == (0, run.name)
    assert done.stdout.startswith("a, test: 1 clips, ")
    left_out = "1 clip is left out of a, test: what a model has learned from is no test of it."
    assert left_out in done.stderr
    written = report_files.read(workspace.root / "out")
    assert [clip.file_name for clip in written.clips] == [new.file_name]
    assert (written.n_learned, rescored(written, Normaliser()).n_learned) == (1, 1)
    made.change([(one, replace(one, split="train")) for one in made.entries()], what="")
    assert "a, train: 2 clips" in lab(*call, "--split", "train").stdout
    write_json(run.folder / runs.DATASET, {"learned": [known.file_name, new.file_name]})
    assert_refused(lab(*call, "--split", "all"), "learned from every clip")


def test_health_hears_what_a_run_started_from_and_not_a_run_of_that_name(
    workspace: Workspace, run: runs.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.models_dir.mkdir()
    torch.save(payload(random_model(BRIEF)), workspace.models_dir / "mine.pt")
    config = replace(run.config, model="mine")
    (run.folder / runs.CONFIG).write_text(config.to_yaml(), encoding="utf-8")
    runs.runs_dir(workspace).joinpath(run.name).rename(runs.runs_dir(workspace) / "mine")
    heard: list[Engine] = []

    def check(tuned: Callable[[], Engine], base: Callable[[], Engine], *_: object, **__: object):
        heard.extend((tuned(), base()))
        return HealthReport("mine", "mine", "2026-01-01", ())

    monkeypatch.setattr("lab.health.health_check", check)
    lab("health", "--model", "mine", "--workspace", workspace.root)
    assert [engine.network.dims for engine in heard] == [TINY, BRIEF]
