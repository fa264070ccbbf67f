"""`train`, `train-run` and `runs` on the command line."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lab import dataset
from lab.cli import train as command
from lab.core.workspace import Workspace
from lab.training import metrics, runs
from lab.training.config import SOURCE_LAB, Config
from lab.training.run import Run
from tests.support.commands import COMMAND, HOME, assert_refused, lab
from tests.support.runs import QUICK, model, noises

SETTINGS = [
    *("--set", "epochs=1", "--set", "batch_size=4", "--set", "learning_rate=1e-3"),
    *("--set", "precision=float32", "--set", "accelerator=cpu", "--set", "max_validation_clips=2"),
    *("--set", "health=skip"),
]


@pytest.fixture
def made(workspace: Workspace) -> Workspace:
    """A workspace with a model and a dataset without splits."""
    model(workspace)
    found = noises(workspace)
    found.change([(entry, replace(entry, split="")) for entry in found.clips()], what="")
    return workspace


def test_one_command_splits_trains_and_evaluates(made: Workspace) -> None:
    done = lab(
        *("train", "--dataset", "noises", "--model", "tiny", "--name", "First", *SETTINGS),
        *("--workspace", made.root),
    )
    assert done.exit_code == 0, done.stderr
    folder = made.root / "runs" / "first"
    assert f"Model of first: {folder / 'model.pt'}\n" in done.stdout
    assert "Split noises: " in done.stderr
    assert "Epoch 1.0: validation WER" in done.stderr
    left = {path.name for path in folder.iterdir()}
    assert left >= {
        *("evaluation.json", "config.yaml", "metrics.csv", "predictions.csv", "model.pt"),
    }
    report = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert [one["model"] for one in report["models"]] == ["tiny", "first"]
    assert all(sentence in done.stdout for sentence in report["sentences"])
    splits = [entry.split for entry in dataset.find(made, "noises").clips()]
    assert set(splits) == {"train", "validation", "test"}
    listed = lab("runs", "--workspace", made.root).stdout.splitlines()
    assert listed[0].split()[:2] == ["NAME", "STATE"]
    assert listed[1].split()[:2] == ["first", "done"]
    assert Config.from_yaml((folder / "config.yaml").read_text()).epochs == 1


def test_an_estimate_starts_nothing(made: Workspace) -> None:
    found = dataset.find(made, "noises")
    found.audio_path(found.clips()[0]).unlink()
    done = lab(
        *("train", "--dataset", "noises", "--model", "tiny", "--estimate", *SETTINGS),
        *("--workspace", made.root),
    )
    assert done.exit_code == 0, done.stderr
    assert "All weights of tiny are trained on " in done.stdout
    assert "Training takes about 1 min and " in done.stdout
    assert "python -m lab dataset check noises" in done.stderr
    assert "noises would be split: 1" in done.stderr
    assert not runs.list_all(made)
    assert not any(entry.split for entry in found.clips())


def test_ctrl_c_saves_a_checkpoint_and_train_run_resumes(workspace: Workspace) -> None:
    model(workspace)
    noises(workspace)
    many = [*SETTINGS, "--set", "epochs=20", "--set", "patience=null"]
    process = subprocess.Popen(
        [
            *(*COMMAND, "train", "--dataset", "noises", "--model", "tiny", "--name", "a", *many),
            *("--workspace", str(workspace.root)),
        ],
        stderr=subprocess.PIPE,
        text=True,
        cwd=HOME,
    )
    run = Run("a", workspace.root / "runs" / "a")
    while len(metrics.read(run.folder)) < 3:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130, said
    assert f"Stopped. Resume it with: python -m lab train-run {run.folder}" in said
    state = run.status()
    assert (state.state, state.total_steps) == ("stopped", 100)
    assert 0 < state.step < 100
    environment = {**os.environ, "PYTHONPATH": str(HOME)}
    subprocess.run(
        [sys.executable, "-m", "lab", "train-run", str(run.folder)],
        check=True,
        capture_output=True,
        env=environment,
    )
    assert run.status().state == "done"
    steps = [row.step for row in metrics.read(run.folder) if row.loss is not None]
    assert steps == list(range(1, 101))


def test_only_the_main_process_reports_failure(
    made: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.create(made, QUICK)
    run.enqueue()
    run.claim()
    run.update(state="running", note="Evaluating")
    monkeypatch.setattr("lab.jobs.run_steps.run_worker", lambda _run: None)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert lab("train-run", run.folder).exit_code == 0


def test_errors_are_one_line_and_create_no_run(made: Workspace, tmp_path: Path) -> None:
    def train(*arguments: object) -> object:
        return lab("train", *arguments, "--workspace", made.root)

    assert_refused(train(), "--dataset")
    assert_refused(train("--dataset", "gone"), "gone", "noises")
    assert_refused(
        train("--dataset", "noises", "--set", "epochs=x", "--set", "no=1"), "epochs", "no"
    )
    assert_refused(train("--dataset", "noises", "--model", "gone"), "no model called “gone”")
    assert_refused(train("--dataset", "noises", "--preset", "x"), "source-lab")
    assert_refused(train("--dataset", "noises", "--config", tmp_path / "gone.yaml"), "gone.yaml")
    assert_refused(train("--dataset", "noises", "--name", "base"), "a model called “base”")
    on_cpu = ("--set", "accelerator=cpu", "--set", "precision=float16")
    assert_refused(train("--dataset", "noises", *on_cpu), "does not support float16. Use")
    assert not any(entry.split for entry in dataset.find(made, "noises").clips())
    assert_refused(lab("train-run", tmp_path), "it has no config.yaml")
    assert runs.list_all(made) == []
    assert lab("runs", "--workspace", made.root).exit_code == 0


def test_a_failed_run_says_why(made: Workspace) -> None:
    (made.models_dir / "tiny.pt").write_bytes(b"half of a model")
    failed = lab("train", "--dataset", "noises", "--model", "tiny", "--workspace", made.root)
    assert failed.exit_code == 2
    assert "tiny" in failed.stderr.splitlines()[-1]
    (run,) = runs.list_all(made)
    assert run.status().state == "failed"


def test_options_override_the_settings_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(replace(QUICK, epochs=9).to_yaml(), encoding="utf-8")
    config = command._config(path, "defaults", ["epochs=4"], dataset="", model="base")
    assert config == replace(QUICK, epochs=4, model="base")
    config = command._config(None, "source-lab", [], dataset="a", model="")
    assert config == replace(SOURCE_LAB, dataset="a")
    config = command._config(None, "defaults", ["dataset=a"], dataset="", model="turbo")
    assert config.model == "large-v3-turbo"
