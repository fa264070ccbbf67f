"""Runs as folders: creating, listing, starting, stopping and deleting them."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from lab.core.errors import OptionsError, WorkspaceError
from lab.core.workspace import Workspace, write_json
from lab.jobs import start_run
from lab.jobs.training_process import train
from lab.training import metrics, runs
from lab.training.metrics import Row
from lab.training.run import Run
from tests.support.runs import QUICK, curve, model, run_in, wait_until_over, weights_of


@pytest.fixture
def bare(workspace: Workspace) -> Run:
    """A run without a dataset and a model."""
    return runs.create(workspace, QUICK)


def test_runs_are_created_listed_and_deleted(workspace: Workspace, bare: Run) -> None:
    second = runs.create(workspace, QUICK)
    named = runs.create(workspace, replace(QUICK, epochs=7), name="Shqip, prova 1")
    assert [bare.name, second.name, named.name] == [
        *("noises-tiny-1", "noises-tiny-2", "shqip-prova-1"),
    ]
    assert runs.list_all(workspace) == [named, second, bare]
    assert runs.find(workspace, "shqip-prova-1").config.epochs == 7
    assert named.status().state == "stopped"
    with pytest.raises(OptionsError, match="already"):
        runs.create(workspace, QUICK, name="shqip prova 1")
    runs.delete(named)
    assert runs.list_all(workspace) == [second, bare]
    for name in ("../noises", "gone"):
        with pytest.raises(OptionsError, match="no run"):
            runs.find(workspace, name)


def test_a_run_cannot_have_the_name_of_a_model(workspace: Workspace) -> None:
    model(workspace)
    for taken in ("Noises-tiny-1", "albanian"):
        shutil.copy(workspace.models_dir / "tiny.pt", workspace.models_dir / f"{taken}.pt")
    assert runs.create(workspace, QUICK).name == "noises-tiny-2"
    for name in ("Base", "large", "Albanian", "noises tiny 1"):
        with pytest.raises(OptionsError, match="There is already a model called"):
            runs.create(workspace, QUICK, name=name)
    assert [run.name for run in runs.list_all(workspace)] == ["noises-tiny-2"]


def test_a_run_in_use_is_not_deleted(workspace: Workspace, bare: Run) -> None:
    with bare.lock(), pytest.raises(OptionsError, match="still in use"):
        runs.delete(bare)
    assert runs.list_all(workspace) == [bare]
    runs.delete(bare)
    runs.delete(bare)  # from another tab
    assert not list(runs.runs_dir(workspace).iterdir())


def test_leftovers_of_a_deleted_run_do_not_end_up_in_the_next_one(
    workspace: Workspace, bare: Run
) -> None:
    runs.delete(bare)
    write_json(bare.folder / "health.json", {"of": "the run before"})
    for name in (bare.name, ""):
        again = runs.create(workspace, QUICK, name=name)
        assert again == bare
        assert not (again.folder / "health.json").exists()
        runs.delete(again)
        write_json(bare.folder / "health.json", {"of": "the run before"})


@pytest.mark.parametrize("name", ["!!!", "../.."])
def test_a_name_without_letters_or_digits_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(OptionsError, match="name with letters"):
        runs.create(workspace, QUICK, name=name)


def test_a_run_whose_process_is_gone_has_failed_and_can_be_resumed(bare: Run) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    bare.enqueue()
    bare.update(state="running", step=5, pid=process.pid, process_started=0.0)
    assert bare.status().state == "failed"  # another process has that id now
    started = psutil.Process(process.pid).create_time()
    bare.update(process_started=started)
    assert bare.status().state == "running"
    with pytest.raises(OptionsError, match="Stop it first"):
        runs.delete(bare)
    with pytest.raises(OptionsError, match="in progress"):
        start_run.start(bare)
    bare.stop()
    assert bare.status().state == "stopping"
    process.kill()
    while bare.status().state == "stopping":
        time.sleep(0.01)
    process.communicate()
    state = bare.status()
    assert state.state == "failed"
    assert "No checkpoint was saved yet" in (state.error or "")
    assert "batch_size 2." in (state.error or "")
    bare.last_checkpoint.parent.mkdir()
    bare.last_checkpoint.touch()
    assert "Resume the run" in (bare.status().error or "")
    bare.enqueue()
    assert (bare.status().state, bare.status().error) == ("waiting", None)


def test_runs_of_a_workspace_train_one_at_a_time_in_order(
    workspace: Workspace,
) -> None:
    first, second, third = (runs.create(workspace, QUICK) for _ in range(3))
    for run in (second, first, third):
        run.enqueue()
        run.claim()
        time.sleep(0.01)
    assert runs.acquire_turn(first) is None
    lock = runs.acquire_turn(second)
    assert lock is not None
    second.update(state="running")
    assert runs.acquire_turn(first) is None
    lock.release()
    second.finish(state="done")
    assert runs.acquire_turn(third) is None
    lock = runs.acquire_turn(first)
    assert lock is not None
    lock.release()


def test_visitors_of_a_public_server_share_a_queue_and_other_workspaces_do_not(
    workspace: Workspace,
) -> None:
    visitors = [Workspace(workspace.root / "visitors" / (digit * 32)) for digit in "01"]
    first, second = (runs.create(one, QUICK) for one in visitors)
    others = [Workspace(workspace.root / "of" / name) for name in ("one", "two")]
    apart = [runs.create(one, QUICK) for one in others]
    for run in (first, second, *apart):
        run.enqueue()
        run.claim()
        time.sleep(0.01)
    assert runs.acquire_turn(second) is None  # it was queued later
    lock = runs.acquire_turn(first)
    assert lock is not None
    first.update(state="running")
    assert runs.acquire_turn(second) is None
    locks = [runs.acquire_turn(run) for run in apart]
    assert None not in locks
    lock.release()
    first.finish(state="done")
    assert runs.acquire_turn(second) is not None


def test_an_unreadable_state_does_not_break_the_list(workspace: Workspace, bare: Run) -> None:
    for content in ("", "[]", '{"state": "running"', '{"unknown": 1}'):
        (bare.folder / "state.json").write_text(content)
        assert bare.status().is_over
        assert runs.list_all(workspace) == [bare]


def test_metrics_are_truncated_to_the_step_from_which_a_run_resumes(bare: Run) -> None:
    rows = [
        Row(1, 0.5, 2.0, 1e-5, clips_per_s=3.0, seconds=1.0),
        Row(2, 1.0, 1.5, 5e-6),
        Row(2, 1.0, None, None, 1.25, 0.5, 0.25),
        Row(3, 1.5, 1.0, 1e-6),
    ]
    for row in rows:
        metrics.append(bare.folder, row)
    with (bare.folder / "metrics.csv").open("a") as file:
        file.write("4,2.0,0.")  # killed while writing
    assert metrics.read(bare.folder) == rows
    metrics.truncate(bare.folder, 2)
    assert metrics.read(bare.folder) == rows[:3]
    metrics.append(bare.folder, rows[3])
    assert metrics.read(bare.folder) == rows


def test_a_folder_without_settings_is_not_a_run(workspace: Workspace) -> None:
    with pytest.raises(OptionsError, match=r"has no config\.yaml"):
        runs.from_folder(workspace.root)


def test_a_failed_write_is_reported(bare: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(WorkspaceError, match="No space left"):
        bare.update(step=3)
    assert bare.status().step == 0


def test_a_run_with_unreadable_settings_is_listed(workspace: Workspace, bare: Run) -> None:
    other = runs.create(workspace, QUICK)
    other.enqueue()
    other.update(pid=2**22 + 1, process_started=1.0)
    (other.config_path).write_text("depth: 1")
    assert runs.list_all(workspace) == [other, bare]
    assert "without an error message" in (other.status().error or "")


def test_a_run_killed_when_it_was_done_is_cleaned_up(bare: Run) -> None:
    for path in (bare.last_checkpoint, bare.best_checkpoint, bare.clips_dir / "train"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    runs.clean_up(bare)
    assert bare.last_checkpoint.exists()
    bare.finish(state="done")
    with pytest.raises(OptionsError, match="is done"):
        train(bare)
    assert not list(bare.folder.rglob("*.ckpt"))
    assert not (bare.folder / "clips").exists()


def test_a_run_killed_repeatedly_gives_the_same_model(workspace: Workspace) -> None:
    config = replace(QUICK, epochs=4, save_every_steps=2)
    whole, broken = run_in(workspace, config, "whole"), run_in(workspace, config, "broken")
    assert train(whole).state == "done"
    start_run.start(broken)
    for wanted_step in (2, 9):
        while broken.status().state == "waiting" or len(metrics.read(broken.folder)) < wanted_step:
            assert not broken.status().is_over
            time.sleep(0.01)
        pid = broken.status().pid
        assert pid is not None
        os.kill(pid, 9)
        assert "without an error message" in (wait_until_over(broken).error or "")
        (broken.folder / "checkpoints").mkdir(exist_ok=True)
        (broken.folder / "checkpoints" / ".last.ckpt.0a1b2c3d.part").touch()
        (broken.folder / ".model.pt.0a1b2c3d.part").touch()
        (broken.folder / ".state.json.0a1b2c3d.part").touch()
        start_run.start(broken)
    assert wait_until_over(broken).state == "done"
    assert curve(broken) == curve(whole)
    with broken.lock():
        assert not list(broken.folder.rglob("*.part"))
    assert broken.sample_transcripts() == whole.sample_transcripts()
    same, wanted = weights_of(broken), weights_of(whole)
    assert all(same[name].equal(wanted[name]) for name in wanted)
