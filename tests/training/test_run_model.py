"""Turning the best checkpoint of an unfinished run into a model."""

from dataclasses import replace

import pytest
import torch

from lab.asr import weights
from lab.core.errors import CheckpointError, OptionsError
from lab.core.workspace import Workspace, write_json
from lab.jobs.training_process import train
from lab.training import runs
from lab.training.module import WhisperModule
from lab.training.run_model import keep_best_checkpoint
from tests.support.runs import QUICK, curve, run_in, stop_at, weights_of


def full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("trainable", ["everything", "lora"])
def test_the_best_checkpoint_of_a_stopped_run_becomes_a_model_and_the_run_resumes(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, trainable: str
) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    config = replace(QUICK, epochs=3, trainable=trainable, lora_rank=4)
    whole, broken = run_in(workspace, config), run_in(workspace, config)
    assert train(whole).state == "done"
    with monkeypatch.context() as patched:
        stop_at(7, patched)  # after the first of three validations
        assert train(broken).state == "stopped"
    (workspace.models_dir / "tiny.pt").unlink()  # the checkpoints contain it
    write_json(broken.folder / "health.json", {"of": "an earlier model"})
    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", full_disk)
        with pytest.raises(CheckpointError, match="No space left"):
            keep_best_checkpoint(broken)
    assert (broken.folder / "health.json").exists()
    keep_best_checkpoint(broken)
    saved = torch.load(broken.best_checkpoint, weights_only=True)["state_dict"]
    name = "decoder.blocks.0.attn.query"
    wanted = saved.get(f"model.{name}.weight")
    if trainable == "lora":
        a, b = saved[f"model.{name}.lora_A"], saved[f"model.{name}.lora_B"]
        wanted = saved[f"model.{name}.linear.weight"] + 2 * b @ a
    assert torch.equal(weights_of(broken)[f"{name}.weight"], wanted)
    weights.build(weights.read(broken.model_path), label="kept")
    assert not (broken.folder / "health.json").exists()
    assert train(broken).state == "done"
    assert curve(broken) == curve(whole)
    same, wanted_all = weights_of(broken), weights_of(whole)
    assert all(same[key].equal(wanted_all[key]) for key in wanted_all)


def test_the_best_checkpoint_is_kept_when_the_workspace_is_moved(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    run = run_in(workspace)
    with monkeypatch.context() as patched:
        stop_at(7, patched)
        assert train(run).state == "stopped"
    best = torch.load(run.best_checkpoint, weights_only=True)["state_dict"]
    moved = workspace.root.rename(workspace.root.with_name("moved"))
    run = runs.from_folder(moved / "runs" / run.name)
    monkeypatch.setattr(WhisperModule, "transcribe_validation", lambda _: (9.0, 9.0))
    assert train(run).state == "done"
    kept = weights_of(run)
    assert all(kept[name].equal(best[f"model.{name}"]) for name in kept)


def test_without_an_intact_checkpoint_no_model_is_written(workspace: Workspace) -> None:
    run = run_in(workspace)
    with pytest.raises(OptionsError, match="no checkpoint yet"):
        keep_best_checkpoint(run)
    run.best_checkpoint.parent.mkdir()
    run.best_checkpoint.write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="is damaged"):
        keep_best_checkpoint(run)
    assert not run.model_path.exists()
