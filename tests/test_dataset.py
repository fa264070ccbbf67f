"""Datasets in the workspace."""

import pytest

from lab import dataset
from lab.dataset import Entry
from lab.errors import OptionsError, WorkspaceError
from lab.workspace import Workspace


def test_clips_are_added_once_and_lie_as_audiofolder_wants_them(workspace: Workspace) -> None:
    made, count = dataset.add(
        workspace, "Shqip, Gegë", [("One 1.wav", b"a"), ("../two.wav", b"b")], language="sq"
    )
    assert (made.name, count) == ("shqip-gege", 2)
    again, count = dataset.add(
        workspace, "shqip gegë", [("One 1.wav", b"a"), ("three.wav", b"c")], language="sq"
    )
    assert (again, count) == (made, 1)
    names = [entry.file_name for entry in made.entries()]
    assert [name.rsplit("-", 1)[0] for name in names] == [
        "audio/one-1",
        "audio/two",
        "audio/three",
    ]
    assert [(made.folder / name).read_bytes() for name in names] == [b"a", b"b", b"c"]
    assert made.entries()[0] == Entry(names[0], language="sq", status="new")
    assert dataset.list_all(workspace) == [made]
    inside = {path.relative_to(workspace.root).parts[0] for path in workspace.root.rglob("*")}
    assert inside == {"datasets"}


@pytest.mark.parametrize("name", ["", "../..", "!!!"])
def test_a_name_without_letters_is_refused(name: str, workspace: Workspace) -> None:
    with pytest.raises(OptionsError, match="name with letters"):
        dataset.add(workspace, name, [("a.wav", b"a")], language="sq")
    assert not workspace.root.exists()


def test_a_damaged_table_is_not_written_over(workspace: Workspace) -> None:
    made, _ = dataset.add(workspace, "a", [("a.wav", b"a")], language="sq")
    (made.folder / "metadata.csv").write_bytes(b"file_name\naudio/a.wav\n")
    with pytest.raises(WorkspaceError, match="cannot be read"):
        dataset.add(workspace, "a", [("b.wav", b"b")], language="sq")
    assert (made.folder / "metadata.csv").read_bytes() == b"file_name\naudio/a.wav\n"


@pytest.mark.parametrize("name", ["../../secret.wav", "/etc/passwd", "audio/../../a.wav"])
def test_a_table_leads_to_nothing_outside(name: str, workspace: Workspace) -> None:
    made, _ = dataset.add(workspace, "a", [("a.wav", b"a")], language="sq")
    (entry,) = made.entries()
    assert made.audio_path(entry).read_bytes() == b"a"
    with pytest.raises(WorkspaceError, match="outside of the dataset"):
        made.audio_path(Entry(name))
