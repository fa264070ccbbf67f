"""Runs as folders: made, listed, started and stopped, whatever becomes of their processes."""

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
from lab.jobs import run_process
from lab.jobs.run_training import train
from lab.training import leftovers, metrics, runs
from lab.training.metrics import Row
from lab.training.runs import Run
from tests.support.runs import QUICK, model, over, run_in, weights_of


@pytest.fixture
def bare(workspace: Workspace) -> Run:
    """A run without anything to train on."""
    return runs.create(workspace, QUICK)


def test_runs_are_made_listed_and_deleted(workspace: Workspace, bare: Run) -> None:
    second = runs.create(workspace, QUICK)
    named = runs.create(workspace, replace(QUICK, epochs=7), name="Shqip, prova 1")
    assert [bare.name, second.name, named.name] == [
        *("noises-tiny-1", "noises-tiny-2", "shqip-prova-1"),
    ]
    assert runs.list_all(workspace) == [named, second, bare]
    assert runs.find(workspace, "shqip-prova-1").config.epochs == 7
    assert runs.status(named).state == "stopped"
    with pytest.raises(OptionsError, match="already"):
        runs.create(workspace, QUICK, name="shqip prova 1")
    runs.delete(named)
    assert runs.list_all(workspace) == [second, bare]
    for name in ("../noises", "gone"):
        with pytest.raises(OptionsError, match="no run"):
            runs.find(workspace, name)


def test_a_run_is_not_called_like_a_model(workspace: Workspace) -> None:
    model(workspace)
    for taken in ("Noises-tiny-1", "albanian"):
        shutil.copy(workspace.models_dir / "tiny.pt", workspace.models_dir / f"{taken}.pt")
    assert runs.create(workspace, QUICK).name == "noises-tiny-2"
    for name in ("Base", "large", "Albanian", "noises tiny 1"):
        with pytest.raises(OptionsError, match="There is a model called"):
            runs.create(workspace, QUICK, name=name)
    assert [run.name for run in runs.list_all(workspace)] == ["noises-tiny-2"]


def test_a_run_that_somebody_works_on_is_not_deleted(workspace: Workspace, bare: Run) -> None:
    with runs.lock_of(bare), pytest.raises(OptionsError, match="still being worked on"):
        runs.delete(bare)
    assert runs.list_all(workspace) == [bare]
    runs.delete(bare)
    runs.delete(bare)  # from another tab
    assert not list(runs.runs_dir(workspace).iterdir())


def test_what_is_left_of_a_deleted_run_keeps_no_name_and_is_not_the_next_ones(
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
def test_a_run_needs_a_name_with_letters(workspace: Workspace, name: str) -> None:
    with pytest.raises(OptionsError, match="name with letters"):
        runs.create(workspace, QUICK, name=name)


def test_a_run_whose_process_is_gone_has_failed_and_can_be_asked_for_again(bare: Run) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    runs.ask(bare)
    runs.update(bare, state="running", step=5, pid=process.pid, process_started=0.0)
    assert runs.status(bare).state == "failed"  # another process has that number now
    started = psutil.Process(process.pid).create_time()
    runs.update(bare, process_started=started)
    assert runs.status(bare).state == "running"
    with pytest.raises(OptionsError, match="Stop it first"):
        runs.delete(bare)
    with pytest.raises(OptionsError, match="under way"):
        run_process.start(bare)
    runs.stop(bare)
    assert runs.status(bare).state == "stopping"
    process.kill()
    while runs.status(bare).state == "stopping":
        time.sleep(0.01)
    process.communicate()
    state = runs.status(bare)
    assert state.state == "failed"
    assert "It had not saved anything yet" in (state.error or "")
    assert "a batch of 2." in (state.error or "")
    bare.last_path.parent.mkdir()
    bare.last_path.touch()
    assert "Resume the run" in (runs.status(bare).error or "")
    runs.ask(bare)
    assert (runs.status(bare).state, runs.status(bare).error) == ("waiting", None)


def test_one_run_of_a_workspace_has_its_turn_at_a_time_in_the_order_they_asked(
    workspace: Workspace,
) -> None:
    first, second, third = (runs.create(workspace, QUICK) for _ in range(3))
    for run in (second, first, third):
        runs.ask(run)
        runs.update(run, **runs.this_process())
        time.sleep(0.01)
    assert runs.turn(first) is None
    lock = runs.turn(second)
    assert lock is not None
    runs.update(second, state="running")
    assert runs.turn(first) is None
    lock.release()
    runs.end(second, state="done")
    assert runs.turn(third) is None
    lock = runs.turn(first)
    assert lock is not None
    lock.release()


def test_all_visitors_of_a_public_server_take_turns_and_other_workspaces_do_not(
    workspace: Workspace,
) -> None:
    visitors = [Workspace(workspace.root / "visitors" / (digit * 32)) for digit in "01"]
    first, second = (runs.create(one, QUICK) for one in visitors)
    others = [Workspace(workspace.root / "of" / name) for name in ("one", "two")]
    apart = [runs.create(one, QUICK) for one in others]
    for run in (first, second, *apart):
        runs.ask(run)
        runs.update(run, **runs.this_process())
        time.sleep(0.01)
    assert runs.turn(second) is None  # it asked later
    lock = runs.turn(first)
    assert lock is not None
    runs.update(first, state="running")
    assert runs.turn(second) is None
    locks = [runs.turn(run) for run in apart]
    assert None not in locks
    lock.release()
    runs.end(first, state="done")
    assert runs.turn(second) is not None


def test_a_state_that_cannot_be_read_breaks_no_list(workspace: Workspace, bare: Run) -> None:
    for content in ("", "[]", '{"state": "running"', '{"unknown": 1}'):
        (bare.folder / "state.json").write_text(content)
        assert runs.status(bare).is_over
        assert runs.list_all(workspace) == [bare]


def test_curves_are_cut_back_to_where_a_run_goes_on(bare: Run) -> None:
    rows = [
        Row(1, 0.5, 2.0, 1e-5, clips_per_s=3.0, seconds=1.0),
        Row(2, 1.0, 1.5, 5e-6),
        Row(2, 1.0, None, None, 1.25, 0.5, 0.25),
        Row(3, 1.5, 1.0, 1e-6),
    ]
    for row in rows:
        metrics.append(bare.folder, row)
    with (bare.folder / "metrics.csv").open("a") as file:
        file.write("4,2.0,0.")  # killed while it wrote
    assert metrics.read(bare.folder) == rows
    metrics.cut(bare.folder, 2)
    assert metrics.read(bare.folder) == rows[:3]
    metrics.append(bare.folder, rows[3])
    assert metrics.read(bare.folder) == rows


def test_a_folder_without_settings_is_no_run(workspace: Workspace) -> None:
    with pytest.raises(OptionsError, match=r"config\.yaml is missing"):
        runs.at(workspace.root)


def test_a_run_that_cannot_write_says_so(bare: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(WorkspaceError, match="No space left"):
        runs.update(bare, step=3)
    assert runs.status(bare).step == 0


def test_settings_that_nobody_can_read_hide_no_run(workspace: Workspace, bare: Run) -> None:
    other = runs.create(workspace, QUICK)
    runs.ask(other)
    runs.update(other, pid=2**22 + 1, process_started=1.0)
    (other.folder / runs.CONFIG).write_text("depth: 1")
    assert runs.list_all(workspace) == [other, bare]
    assert "without a word" in (runs.status(other).error or "")


def test_a_run_that_was_killed_when_it_was_done_gives_its_room_back(bare: Run) -> None:
    for path in (bare.last_path, runs.best_path(bare), bare.folder / "clips" / "train"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    leftovers.sweep(bare)
    assert bare.last_path.exists()
    runs.end(bare, state="done")
    with pytest.raises(OptionsError, match="is done"):
        train(bare)
    assert not list(bare.folder.rglob("*.ckpt"))
    assert not (bare.folder / "clips").exists()


def test_killed_again_and_again_a_run_ends_as_if_it_had_never_been(workspace: Workspace) -> None:
    config = replace(QUICK, epochs=4, save_every_steps=2)
    whole, broken = run_in(workspace, config, "whole"), run_in(workspace, config, "broken")
    assert train(whole).state == "done"
    run_process.start(broken)
    for wanted_step in (2, 9):
        while (
            runs.status(broken).state == "waiting" or len(metrics.read(broken.folder)) < wanted_step
        ):
            assert not runs.status(broken).is_over
            time.sleep(0.01)
        pid = runs.status(broken).pid
        assert pid is not None
        os.kill(pid, 9)
        assert "without a word" in (over(broken).error or "")
        (broken.folder / "checkpoints").mkdir(exist_ok=True)
        (broken.folder / "checkpoints" / ".last.ckpt.0a1b2c3d.part").touch()
        (broken.folder / ".model.pt.0a1b2c3d.part").touch()
        run_process.resume(broken)
    assert over(broken).state == "done"

    def curve(run: Run) -> list[Row]:
        return [replace(row, seconds=None, clips_per_s=None) for row in metrics.read(run.folder)]

    assert curve(broken) == curve(whole)
    with runs.lock_of(broken):
        assert not list(broken.folder.rglob("*.part"))
    assert runs.sentences(broken) == runs.sentences(whole)
    same, wanted = weights_of(broken), weights_of(whole)
    assert all(same[name].equal(wanted[name]) for name in wanted)
