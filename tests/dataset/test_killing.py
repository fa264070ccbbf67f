"""Programs that correct the same dataset at once, or are killed while they do."""

import subprocess
import sys

import pytest

from lab.core.workspace import Workspace
from lab.dataset import table
from lab.dataset.table import TABLE_NAME
from tests.support.correcting_on_disk import made, texts
from tests.support.killing import correct_and_kill
from tests.support.paths import ROOT


def test_two_programs_correcting_at_once_lose_nothing(workspace: Workspace) -> None:
    dataset = made(workspace, 60)
    script = ROOT / "tests" / "support" / "killing.py"
    programs = [
        subprocess.Popen([sys.executable, script, dataset.folder, str(first), "60", "2"], cwd=ROOT)
        for first in (0, 1)
    ]
    assert [one.wait(timeout=60) for one in programs] == [0, 0]
    assert texts(dataset) == [f"text of {n:03d}" for n in range(60)]
    assert len(dataset.history()) == 60


@pytest.mark.parametrize("ratio", [0.01, 1e-9], ids=["default", "compact at each change"])
def test_a_kill_at_any_moment_loses_nothing_that_was_confirmed(
    ratio: float, workspace: Workspace
) -> None:
    dataset = made(workspace, 200)
    n_kills, confirmed = correct_and_kill(dataset, seed=7, ratio=ratio)
    assert n_kills >= 10
    assert len(confirmed) >= 200 - n_kills  # a kill leaves at most one change unconfirmed
    assert texts(dataset) == [f"text of {n:03d}" for n in range(200)]
    done = [change.file_name for action in dataset.history() for change in action.changes]
    assert sorted(done) == [clip.file_name for clip in dataset.clips()]
    dataset.compact()
    assert table.read(dataset.folder / TABLE_NAME) == dataset.clips()
