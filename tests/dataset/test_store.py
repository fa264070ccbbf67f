"""A dataset on the disk: changes are kept, whoever else writes, and whatever is cut off."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import dataset as datasets
from lab.core.errors import LabError, OptionsError, WorkspaceError
from lab.core.workspace import Workspace
from lab.dataset import (
    CORRECTED,
    EXCLUDED,
    ChangedMeanwhileError,
    Entry,
    journal,
    snapshot,
    store,
    table,
)
from lab.dataset.journal import JOURNAL_NAME
from lab.dataset.table import TABLE_NAME
from tests.support.correcting_on_disk import correct, correct_seen, made, texts
from tests.support.paths import ROOT


@pytest.fixture(autouse=True, params=["in memory", "read anew"])
def _memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is promised with what was read before, and to a program that begins."""
    if request.param == "read anew":
        monkeypatch.setattr(snapshot, "_MOST_IN_MEMORY", 0)


@pytest.fixture
def lazy_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is written only when it is asked for."""
    monkeypatch.setattr(store, "_UNSETTLED_SHARE", 1e9)


def test_a_change_is_in_the_journal_when_it_returns(workspace: Workspace) -> None:
    dataset = made(workspace)
    action = correct(dataset, 1, "mirë")
    assert action is not None
    assert journal.read(dataset.folder) == [action]
    assert (action.by, action.what) == ("Ana", "corrected")
    (change,) = action.changes
    assert change.before == {"transcription": "", "status": "new"}
    assert change.after == {"transcription": "mirë", "status": CORRECTED}
    assert dataset.by_name()["audio/001.wav"] == dataset.entries()[1]
    assert texts(dataset) == ["", "mirë", ""]


def test_nothing_is_written_where_nothing_differs(workspace: Workspace) -> None:
    dataset = made(workspace)
    seen = dataset.entries()[0]
    assert dataset.change([(seen, seen)], what="corrected") is None
    correct(dataset, 0, "mirë")
    # Two people who write the same do not disagree.
    assert correct_seen(dataset, seen, "mirë", by="Besa") is None
    assert len(dataset.history()) == 1


@pytest.mark.usefixtures("lazy_table")
def test_the_journal_over_a_table_that_holds_it_gives_the_same(workspace: Workspace) -> None:
    dataset = made(workspace)
    for text in ("a", "b", "a", "c"):
        correct(dataset, 0, text)
    before = dataset.entries()
    as_imported = (dataset.folder / TABLE_NAME).read_bytes()
    dataset.settle()
    assert table.read(dataset.folder / TABLE_NAME) == before == dataset.entries()
    # Cut off before it was noted that the table holds the journal; and noted, without the table.
    settled = dataset.folder / ".settled"
    note = settled.read_text()
    settled.unlink()
    assert dataset.entries() == before
    settled.write_text(note)
    (dataset.folder / TABLE_NAME).write_bytes(as_imported)
    assert dataset.entries() == before


def test_a_spreadsheet_that_was_open_meanwhile_undoes_nothing(workspace: Workspace) -> None:
    dataset = made(workspace)
    path = dataset.folder / TABLE_NAME
    correct(dataset, 0, "një")
    opened = table.read(path)
    correct(dataset, 0, "dy")
    correct(dataset, 1, "tre")
    dataset.settle()
    # Saved with what it had been opened with, a text of its own, a column and a mark in front.
    table.write(path, [*opened[:2], replace(opened[2], transcription="katër")])
    lines = path.read_text("utf-8").splitlines()
    added = [
        line + suffix for line, suffix in zip(lines, (",note", ",loud", ",", ","), strict=True)
    ]
    path.write_text("\r\n".join(added) + "\r\n", "utf-8-sig", newline="")
    assert texts(dataset) == ["dy", "tre", "katër"]
    correct(dataset, 1, "pesë")
    dataset.settle()
    assert [one.transcription for one in table.read(path)] == ["dy", "pesë", "katër"]
    assert table.read(path)[0].extra == (("note", "loud"),)
    assert texts(dataset) == ["dy", "pesë", "katër"]


def test_a_journal_that_was_removed_takes_new_changes(workspace: Workspace) -> None:
    dataset = made(workspace)
    for n in range(5):
        correct(dataset, 0, f"text {n}")
    dataset.settle()
    (dataset.folder / JOURNAL_NAME).unlink()
    assert texts(dataset)[0] == "text 4"
    correct(dataset, 1, "mirë")
    assert texts(dataset) == ["text 4", "mirë", ""]
    dataset.settle()
    assert texts(dataset) == ["text 4", "mirë", ""]


def test_two_who_change_the_same_text_are_told(workspace: Workspace) -> None:
    dataset = made(workspace)
    seen = dataset.entries()[0]
    correct_seen(dataset, seen, "mirë")
    with pytest.raises(ChangedMeanwhileError, match="mirë") as caught:
        correct_seen(dataset, seen, "mire", by="Besa")
    assert caught.value.entry == dataset.entries()[0]
    assert texts(dataset)[0] == "mirë"
    # Whoever has seen it may overrule it.
    assert correct_seen(dataset, caught.value.entry, "mire", by="Besa")
    assert texts(dataset)[0] == "mire"


def test_a_text_that_was_changed_is_not_called_right_unseen(workspace: Workspace) -> None:
    dataset = made(workspace, texts=["mirë"])
    seen = dataset.entries()[0]
    dataset.change([(seen, replace(seen, transcription="keq"))], what="cleaned")
    with pytest.raises(ChangedMeanwhileError):
        correct_seen(dataset, seen, "mirë")
    other = replace(seen, speaker="s1")
    assert dataset.change([(seen, other)], what="speaker") is not None


def test_all_changes_of_an_action_are_made_or_none(workspace: Workspace) -> None:
    dataset = made(workspace)
    seen = dataset.entries()
    correct(dataset, 1, "mirë")
    edits = [(one, replace(one, transcription="x")) for one in seen]
    with pytest.raises(ChangedMeanwhileError):
        dataset.change(edits, what="all")
    assert texts(dataset) == ["", "mirë", ""]
    with pytest.raises(WorkspaceError, match="no clip"):
        dataset.change([(Entry("audio/gone.wav"), Entry("audio/gone.wav", "x"))], what="all")
    with pytest.raises(OptionsError, match="half of a character"):
        correct(dataset, 0, "mir\ud83d")
    assert len(dataset.history()) == 1


def test_an_action_is_undone_where_nobody_has_changed_it_since(workspace: Workspace) -> None:
    dataset = made(workspace)
    edits = [(one, replace(one, transcription="x")) for one in dataset.entries()]
    action = dataset.change(edits, what="filled")
    assert action is not None
    correct(dataset, 1, "mirë")
    undone = dataset.undo(action, by="Besa")
    assert undone is not None
    assert (undone.undoes, undone.by, len(undone.changes)) == (action.id, "Besa", 2)
    assert texts(dataset) == ["", "mirë", ""]
    assert dataset.undo(action) is None
    # And what undid can be undone.
    dataset.undo(undone)
    assert texts(dataset) == ["x", "mirë", "x"]


def test_a_disk_that_refuses_the_table_loses_no_change(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made(workspace)

    def refuse(*_: object) -> None:
        raise WorkspaceError("The table cannot be written.")

    with monkeypatch.context() as patch:
        patch.setattr(table, "write", refuse)
        correct(dataset, 0, "mirë")
        assert texts(dataset)[0] == "mirë"
    correct(dataset, 1, "mirë")
    assert [one.transcription for one in table.read(dataset.folder / TABLE_NAME)][:2] == [
        "mirë"
    ] * 2


def test_clips_that_were_added_are_there_although_their_note_could_not_be_written(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made(workspace)
    correct(dataset, 0, "mirë")

    def refuse(path: Path) -> None:
        raise WorkspaceError(f"{path} cannot be written.")

    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "atomic_write", refuse)
        datasets.add(workspace, "a", [("b.wav", b"b")], language="sq")
    assert texts(dataset) == ["mirë", "", "", ""]
    correct(dataset, 3, "keq")
    assert texts(dataset) == ["mirë", "", "", "keq"]


@pytest.mark.parametrize("harm", ["folder", "lock"])
def test_a_workspace_that_cannot_be_written_is_said(
    harm: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made(workspace)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    if harm == "folder":
        monkeypatch.setattr(Path, "touch", refuse)
    else:
        monkeypatch.setattr(store.FileLock, "acquire", refuse)
    with pytest.raises(LabError, match="Permission denied"):
        correct(dataset, 0, "mirë")


@given(text=st.text(max_size=30))
def test_any_text_survives_the_journal_and_the_table(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dataset = made(Workspace(tmp_path_factory.mktemp("w")), texts=["before"])
    correct(dataset, 0, text)
    assert texts(dataset)[0] == text
    dataset.settle()
    assert table.read(dataset.folder / TABLE_NAME)[0].transcription == text


def test_importing_datasets_loads_nothing_heavy() -> None:
    heavy = "torch", "pandas", "librosa", "scipy", "numba", "streamlit"
    code = f"import sys, lab.dataset; print([m for m in {heavy} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


def test_a_dataset_that_is_gone_is_not_remembered(workspace: Workspace) -> None:
    dataset = made(workspace)
    dataset.entries()
    datasets.delete(dataset)
    with pytest.raises(WorkspaceError, match="cannot be read"):
        dataset.entries()
    assert texts(made(workspace, texts=["new"])) == ["new", "", ""]


def test_excluded_and_empty_clips_are_no_use() -> None:
    assert Entry("a", "x").is_usable
    assert not Entry("a").is_usable
    assert not Entry("a", "x", status=EXCLUDED).is_usable
