"""`export`, `health` and `evaluate` on the command line, with models of runs."""

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
from lab.cli.health import REGRESSED, health
from lab.core.workspace import Workspace, write_json
from lab.evaluation import report_files, rescore
from lab.health import CheckResult, HealthReport, read_report
from lab.scoring import Normalizer
from lab.training import runs
from lab.training.config import Config
from lab.training.run import Run
from tests.support.commands import assert_refused
from tests.support.fake_engine import silent_dataset
from tests.support.whispers import BRIEF, TINY, payload, random_model, talking_model

app = typer.Typer()
app.command()(evaluate)
app.command()(export)
app.command()(health)


def lab(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture
def run(workspace: Workspace) -> Run:
    made = runs.create(workspace, Config(dataset="gone"), name="shqip-1")
    torch.save(payload(talking_model()), made.model_path)
    return made


def test_a_run_is_exported_with_its_card(workspace: Workspace, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "out" / "shqip"
    done = lab(
        *("export", run.name, "--format", "ctranslate2", "--precision", "float16"),
        *("--output-dir", target, "--clips", 0, "--workspace", workspace.root),
    )
    assert (done.exit_code, done.stderr) == (0, f"Wrote {target} for faster-whisper.\n")
    assert done.stdout.startswith("Not verified: there are no clips")
    weights.build(weights.read(target), label="the export")
    assert "# shqip\\-1" in (target / "README.md").read_text()
    assert json.loads((target / "proof.json").read_text())["outcome"] == "inconclusive"


def test_without_the_dataset_of_the_run_the_export_is_not_verified(
    workspace: Workspace, run: Run, tmp_path: Path
) -> None:
    to = ("--format", "openai", "--output-dir", tmp_path / "out", "--workspace", workspace.root)
    assert_refused(lab("export", run.name, *to, "--dataset", "gone"), "gone")
    done = lab("export", run.name, *to)
    assert done.exit_code == 0
    assert "There is no dataset “gone”" in done.stderr
    assert done.stdout.startswith("Not verified: there are no clips")
    assert (tmp_path / "out" / "model.pt").is_file()


def test_bad_requests_are_refused_before_a_model_is_loaded(
    workspace: Workspace, run: Run, tmp_path: Path
) -> None:
    place = ("--workspace", workspace.root)
    to = ("--output-dir", tmp_path / "out")
    assert_refused(lab("export", run.name, "--format", "onnx", *to, *place), "openai, huggingface")
    precision = ("--format", "openai", "--precision", "int8")
    assert_refused(lab("export", run.name, *precision, *to, *place), "float32 or float16")
    taken = ("--output-dir", run.folder)
    assert_refused(lab("export", "base", "--format", "openai", *taken, *place), "already exists")
    nothing = lab("export", "nothing", "--format", "openai", *to, *place)
    assert_refused(nothing, "no model called “nothing”")
    assert not (tmp_path / "out").exists()


def test_regressions_are_printed_saved_and_set_the_exit_code(
    workspace: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    regression = CheckResult("noise", "Noise", "red", "words", 12, 1, "It talks in noise.")
    found = HealthReport("shqip-1", "base", (regression,))
    monkeypatch.setattr("lab.health.health_check", lambda *_, **__: found)
    done = lab("health", "--model", run.name, "--workspace", workspace.root)
    assert done.exit_code == REGRESSED
    assert done.stdout.splitlines() == [
        "red  Noise  It talks in noise.",
        "shqip-1 has regressed compared with base: noise.",
    ]
    assert read_report(run.folder / "health.json") == found


def test_a_run_is_evaluated_on_clips_it_was_not_trained_on(workspace: Workspace, run: Run) -> None:
    made = silent_dataset(workspace, 1, 2)
    edits = [(one, replace(one, transcription="po", split="test")) for one in made.clips()]
    made.change(edits, what="split anew")
    known, new = made.clips()
    config = replace(run.config, dataset="a")
    (run.config_path).write_text(config.to_yaml(), encoding="utf-8")
    write_json(run.provenance_path, {"training_files": [known.file_name]})
    call = ("evaluate", "--model", run.name, "--dataset", "a", "--workspace", workspace.root)
    done = lab(*call, "--output-dir", workspace.root / "out")
    assert (done.exit_code, done.stdout.splitlines()[2].split()[0]) == (0, run.name)
    assert done.stdout.startswith("a, test: 1 clip, ")
    excluded = "1 clip was excluded from a, test, because a model was trained on it."
    assert excluded in done.stderr
    written = report_files.read(workspace.root / "out")
    assert [clip.file_name for clip in written.clips] == [new.file_name]
    assert (written.n_trained_on, rescore(written, Normalizer()).n_trained_on) == (1, 1)
    made.change([(one, replace(one, split="train")) for one in made.clips()], what="")
    assert "a, train: 2 clips" in lab(*call, "--split", "train").stdout
    write_json(run.provenance_path, {"training_files": [known.file_name, new.file_name]})
    assert_refused(lab(*call, "--split", "all"), "trained on every clip")


def test_health_compares_with_the_base_model_and_not_a_run_of_that_name(
    workspace: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.models_dir.mkdir()
    torch.save(payload(random_model(BRIEF)), workspace.models_dir / "mine.pt")
    config = replace(run.config, model="mine")
    (run.config_path).write_text(config.to_yaml(), encoding="utf-8")
    runs.runs_dir(workspace).joinpath(run.name).rename(runs.runs_dir(workspace) / "mine")
    engines: list[Engine] = []

    def check(tuned: Callable[[], Engine], base: Callable[[], Engine], *_: object, **__: object):
        engines.extend((tuned(), base()))
        return HealthReport("mine", "mine", ())

    monkeypatch.setattr("lab.health.health_check", check)
    lab("health", "--model", "mine", "--workspace", workspace.root)
    assert [engine.network.dims for engine in engines] == [TINY, BRIEF]
