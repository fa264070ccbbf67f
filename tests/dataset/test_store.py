"""Datasets on disk: changes survive other writers and interrupted writes."""

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
    DatasetClip,
    EditConflictError,
    journal,
    snapshot,
    store,
    table,
)
from lab.dataset.journal import JOURNAL_NAME
from lab.dataset.table import TABLE_NAME
from tests.support.correcting_on_disk import correct, correct_seen, made, texts
from tests.support.paths import ROOT


@pytest.fixture(autouse=True, params=["cached", "uncached"])
def _cache(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test with cached snapshots, and as a program that has just started."""
    if request.param == "uncached":
        monkeypatch.setattr(snapshot, "_MAX_CACHED", 0)


@pytest.fixture
def no_compaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is only written by `Dataset.compact`."""
    monkeypatch.setattr(store, "_COMPACTION_RATIO", 1e9)


def test_a_change_is_in_the_journal_when_it_returns(workspace: Workspace) -> None:
    dataset = made(workspace)
    action = correct(dataset, 1, "mirë")
    assert action is not None
    assert journal.read(dataset.folder) == [action]
    assert (action.by, action.what) == ("Ana", "corrected")
    (change,) = action.changes
    assert change.before == {"transcription": "", "status": "new"}
    assert change.after == {"transcription": "mirë", "status": CORRECTED}
    assert dataset.clips_by_name()["audio/001.wav"] == dataset.clips()[1]
    assert texts(dataset) == ["", "mirë", ""]


def test_nothing_is_written_if_nothing_differs(workspace: Workspace) -> None:
    dataset = made(workspace)
    seen = dataset.clips()[0]
    assert dataset.change([(seen, seen)], what="corrected") is None
    correct(dataset, 0, "mirë")
    # Two people who write the same text do not conflict.
    assert correct_seen(dataset, seen, "mirë", by="Besa") is None
    assert len(dataset.history()) == 1


@pytest.mark.usefixtures("no_compaction")
def test_applying_the_journal_to_a_compacted_table_changes_nothing(workspace: Workspace) -> None:
    dataset = made(workspace)
    for text in ("a", "b", "a", "c"):
        correct(dataset, 0, text)
    before = dataset.clips()
    as_imported = (dataset.folder / TABLE_NAME).read_bytes()
    dataset.compact()
    assert table.read(dataset.folder / TABLE_NAME) == before == dataset.clips()
    # Crashed before the compaction was recorded; and recorded, with the old table.
    state = dataset.folder / ".settled"
    recorded = state.read_text()
    state.unlink()
    assert dataset.clips() == before
    state.write_text(recorded)
    (dataset.folder / TABLE_NAME).write_bytes(as_imported)
    assert dataset.clips() == before


def test_saving_an_outdated_spreadsheet_undoes_nothing(workspace: Workspace) -> None:
    dataset = made(workspace)
    path = dataset.folder / TABLE_NAME
    correct(dataset, 0, "një")
    opened = table.read(path)
    correct(dataset, 0, "dy")
    correct(dataset, 1, "tre")
    dataset.compact()
    # Saved with outdated rows, a new text, a new column and a byte order mark.
    table.write(path, [*opened[:2], replace(opened[2], transcription="katër")])
    lines = path.read_text("utf-8").splitlines()
    added = [
        line + suffix for line, suffix in zip(lines, (",note", ",loud", ",", ","), strict=True)
    ]
    path.write_text("\r\n".join(added) + "\r\n", "utf-8-sig", newline="")
    assert texts(dataset) == ["dy", "tre", "katër"]
    correct(dataset, 1, "pesë")
    dataset.compact()
    assert [one.transcription for one in table.read(path)] == ["dy", "pesë", "katër"]
    assert table.read(path)[0].extra == (("note", "loud"),)
    assert texts(dataset) == ["dy", "pesë", "katër"]


def test_a_deleted_journal_is_started_again(workspace: Workspace) -> None:
    dataset = made(workspace)
    for n in range(5):
        correct(dataset, 0, f"text {n}")
    dataset.compact()
    (dataset.folder / JOURNAL_NAME).unlink()
    assert texts(dataset)[0] == "text 4"
    correct(dataset, 1, "mirë")
    assert texts(dataset) == ["text 4", "mirë", ""]
    dataset.compact()
    assert texts(dataset) == ["text 4", "mirë", ""]


def test_conflicting_edits_of_a_text_are_reported(workspace: Workspace) -> None:
    dataset = made(workspace)
    seen = dataset.clips()[0]
    correct_seen(dataset, seen, "mirë")
    with pytest.raises(EditConflictError, match="mirë") as caught:
        correct_seen(dataset, seen, "mire", by="Besa")
    assert caught.value.current == dataset.clips()[0]
    assert texts(dataset)[0] == "mirë"
    # Whoever has seen the other text may overwrite it.
    assert correct_seen(dataset, caught.value.current, "mire", by="Besa")
    assert texts(dataset)[0] == "mire"


def test_a_text_changed_by_others_is_not_marked_corrected_unseen(workspace: Workspace) -> None:
    dataset = made(workspace, texts=["mirë"])
    seen = dataset.clips()[0]
    dataset.change([(seen, replace(seen, transcription="keq"))], what="cleaned")
    with pytest.raises(EditConflictError):
        correct_seen(dataset, seen, "mirë")
    other = replace(seen, speaker="s1")
    assert dataset.change([(seen, other)], what="speaker") is not None


def test_an_action_is_all_or_nothing(workspace: Workspace) -> None:
    dataset = made(workspace)
    seen = dataset.clips()
    correct(dataset, 1, "mirë")
    edits = [(one, replace(one, transcription="x")) for one in seen]
    with pytest.raises(EditConflictError):
        dataset.change(edits, what="all")
    assert texts(dataset) == ["", "mirë", ""]
    with pytest.raises(WorkspaceError, match="no longer in this dataset"):
        dataset.change(
            [(DatasetClip("audio/gone.wav"), DatasetClip("audio/gone.wav", "x"))], what="all"
        )
    with pytest.raises(OptionsError, match="unpaired surrogate"):
        correct(dataset, 0, "mir\ud83d")
    assert len(dataset.history()) == 1


def test_undo_skips_clips_that_were_changed_since(workspace: Workspace) -> None:
    dataset = made(workspace)
    edits = [(one, replace(one, transcription="x")) for one in dataset.clips()]
    action = dataset.change(edits, what="filled")
    assert action is not None
    correct(dataset, 1, "mirë")
    undone = dataset.undo(action, by="Besa")
    assert undone is not None
    assert (undone.undoes, undone.by, len(undone.changes)) == (action.id, "Besa", 2)
    assert texts(dataset) == ["", "mirë", ""]
    assert dataset.undo(action) is None
    # Redo: undo the undoing.
    dataset.undo(undone)
    assert texts(dataset) == ["x", "mirë", "x"]


def test_a_table_that_cannot_be_written_loses_no_change(
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


def test_added_clips_are_kept_if_the_compaction_cannot_be_recorded(
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


@pytest.mark.parametrize("fault", ["folder", "lock"])
def test_a_read_only_workspace_is_reported(
    fault: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made(workspace)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    if fault == "folder":
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
    dataset.compact()
    assert table.read(dataset.folder / TABLE_NAME)[0].transcription == text


def test_importing_datasets_loads_nothing_heavy() -> None:
    heavy = "torch", "pandas", "librosa", "scipy", "numba", "streamlit"
    code = f"import sys, lab.dataset; print([m for m in {heavy} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


def test_a_deleted_dataset_is_not_cached(workspace: Workspace) -> None:
    dataset = made(workspace)
    dataset.clips()
    datasets.delete(dataset)
    with pytest.raises(WorkspaceError, match="cannot be read"):
        dataset.clips()
    assert texts(made(workspace, texts=["new"])) == ["new", "", ""]


def test_excluded_and_empty_clips_are_not_usable() -> None:
    assert DatasetClip("a", "x").is_usable
    assert not DatasetClip("a").is_usable
    assert not DatasetClip("a", "x", status=EXCLUDED).is_usable
