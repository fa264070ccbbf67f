"""What a run has learned that did not come to its end."""

from dataclasses import replace

import pytest
import torch

from lab.asr import weights
from lab.core.errors import CheckpointError, OptionsError
from lab.core.workspace import Workspace, write_json
from lab.jobs.run_training import train
from lab.training import runs
from lab.training.keeping import keep_best
from lab.training.module import Training
from tests.support.runs import QUICK, curve, run_in, stop_at, weights_of


def full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("trains", ["everything", "lora"])
def test_the_best_state_of_a_stopped_run_is_a_model_and_the_run_goes_on_as_ever(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, trains: str
) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    config = replace(QUICK, epochs=3, trains=trains, lora_rank=4)
    whole, broken = run_in(workspace, config), run_in(workspace, config)
    assert train(whole).state == "done"
    with monkeypatch.context() as patched:
        stop_at(7, patched)  # after the first of three validations
        assert train(broken).state == "stopped"
    (workspace.models_dir / "tiny.pt").unlink()  # the states hold all that is needed
    write_json(broken.folder / "health.json", {"of": "an earlier model"})
    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", full_disk)
        with pytest.raises(CheckpointError, match="No space left"):
            keep_best(broken)
    assert (broken.folder / "health.json").exists()
    keep_best(broken)
    saved = torch.load(runs.best_path(broken), weights_only=True)["state_dict"]
    name = "decoder.blocks.0.attn.query"
    wanted = saved.get(f"model.{name}.weight")
    if trains == "lora":
        up, down = saved[f"model.{name}.up"], saved[f"model.{name}.down"]
        wanted = saved[f"model.{name}.linear.weight"] + 2 * up @ down
    assert torch.equal(weights_of(broken)[f"{name}.weight"], wanted)
    weights.build(weights.read(broken.model_path), called="kept")
    assert not (broken.folder / "health.json").exists()
    assert train(broken).state == "done"
    assert curve(broken) == curve(whole)
    same, wanted_all = weights_of(broken), weights_of(whole)
    assert all(same[key].equal(wanted_all[key]) for key in wanted_all)


def test_in_a_workspace_that_was_moved_the_best_state_stays_the_best(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    run = run_in(workspace)
    with monkeypatch.context() as patched:
        stop_at(7, patched)
        assert train(run).state == "stopped"
    best = torch.load(runs.best_path(run), weights_only=True)["state_dict"]
    moved = workspace.root.rename(workspace.root.with_name("moved"))
    run = runs.at(moved / "runs" / run.name)
    monkeypatch.setattr(Training, "hear", lambda _: (9.0, 9.0))
    assert train(run).state == "done"
    kept = weights_of(run)
    assert all(kept[name].equal(best[f"model.{name}"]) for name in kept)


def test_without_a_whole_state_no_model_is_made(workspace: Workspace) -> None:
    run = run_in(workspace)
    with pytest.raises(OptionsError, match="no state to keep yet"):
        keep_best(run)
    runs.best_path(run).parent.mkdir()
    runs.best_path(run).write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="is damaged"):
        keep_best(run)
    assert not run.model_path.exists()
