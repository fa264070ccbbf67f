"""No untrusted text becomes a path, and files are written atomically."""

import errno
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.core.errors import WorkspaceError
from lab.core.workspace import Workspace, atomic_write, item_path, read_json, slug, write_json

ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- ids ---


@pytest.mark.parametrize(
    "hostile",
    [
        *("", ".", "..", "../x", "a/../b", "a/b", "/etc/passwd", "a\\b", "C:a", "~"),
        *(
            "a\0",
            "a\n",
            " a",
            "a b",
            "A",
            "-a",
            "a-",
            "a--b",
            "a.json",
            ".part",
            "ä",
            "а",
            "١",
            "ａ",
        ),
        "a" * 81,
    ],
)
def test_ids_not_generated_by_this_program_are_refused(hostile: str, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="not the id of anything"):
        item_path(tmp_path, hostile)


@given(st.text() | st.from_regex(r"[a-z0-9./\\-]*"))
def test_an_accepted_id_is_a_direct_child_of_the_folder(item_id: str) -> None:
    folder = Path("/workspace/recordings")
    try:
        path = item_path(folder, item_id)
    except WorkspaceError:
        return
    assert path.parent == folder
    assert path.name == item_id
    assert Path(os.path.normpath(path)) == path


@given(st.text())
def test_a_slug_is_an_id_or_empty(name: str) -> None:
    made = slug(name)
    assert made == "" or ID.fullmatch(made)
    assert len(made) <= 40
    assert slug(made) == made


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Intervistë në Prizren (2)", "interviste-ne-prizren-2"),
        ("../../etc/passwd", "etc-passwd"),
        ("запис", ""),
        ("a" * 39 + " b", "a" * 39),
        ("x" * 100, "x" * 40),
    ],
)
def test_a_name_is_recognisable_in_its_slug(name: str, expected: str) -> None:
    assert slug(name) == expected


# --- location ---


def test_the_workspace_is_the_given_one_or_that_of_the_environment_or_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_WORKSPACE", str(tmp_path / "of-environment"))
    assert Workspace.default("given").root == tmp_path / "given"
    assert Workspace.default().root == tmp_path / "of-environment"
    monkeypatch.delenv("LAB_WORKSPACE")
    assert Workspace.default().root == tmp_path / "workspace"


def test_a_file_is_refused_as_workspace(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(WorkspaceError, match="is a file"):
        Workspace.default(tmp_path / "notes.txt")


def test_the_size_of_a_workspace_is_the_sum_of_its_files(workspace: Workspace) -> None:
    assert workspace.size_bytes() == 0
    for path in (workspace.recordings_dir / "a" / "audio", workspace.models_dir / "b.pt"):
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(700))
    assert workspace.size_bytes() == 1400


# --- writing ---


def test_a_written_file_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "notes.txt"
    for text in ("old", "new"):
        with atomic_write(target) as part_path:
            part_path.write_text(text)
        assert target.read_text() == text
    assert names_in(target.parent) == ["notes.txt"]


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    error: BaseException, tmp_path: Path
) -> None:
    target = tmp_path / "notes.txt"
    target.write_text("old")

    def write() -> None:
        with atomic_write(target) as part_path:
            part_path.write_text("half")
            raise error

    with pytest.raises(type(error)):
        write()
    assert target.read_text() == "old"
    assert names_in(tmp_path) == ["notes.txt"]


def test_a_full_disk_is_reported_and_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "notes.txt"
    target.write_text("old")

    def write() -> None:
        with atomic_write(target) as part_path:
            part_path.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(WorkspaceError, match=r"No space left on device.*Free some space"):
        write()
    assert target.read_text() == "old"
    assert names_in(tmp_path) == ["notes.txt"]


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WorkspaceError, match=r"notes\.json cannot be written"):
        write_json(tmp_path / "file" / "notes.json", {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o555)
    with pytest.raises(WorkspaceError, match="cannot be written"):
        write_json(tmp_path / "locked" / "notes.json", {})


# --- JSON ---

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Unpaired surrogates cannot be encoded in UTF-8.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda values: st.lists(values) | st.dictionaries(st.text("abc"), values),
    max_leaves=5,
)


@given(content=st.dictionaries(st.text("abc"), _VALUES))
def test_json_survives_the_round_trip(
    content: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "object.json"
    write_json(path, content)
    assert read_json(path) == content


def test_a_value_that_json_cannot_hold_leaves_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"old": True})
    for content in ({"new": float("nan")}, {"new": object()}):
        with pytest.raises((ValueError, TypeError)):
            write_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == {"old": True}
    assert names_in(tmp_path) == ["a.json"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"a": 1', b"[1]", b"null", b"\xff\xfe", b"\0" * 50, b"[" * 100_000]
)
def test_a_damaged_file_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_bytes(content)
    with pytest.raises(WorkspaceError, match=r"broken\.json"):
        read_json(tmp_path / "broken.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"missing\.json"):
        read_json(tmp_path / "missing.json")


def test_text_in_json_is_not_escaped(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"text": "Përshëndetje"})
    assert "Përshëndetje" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))


def test_a_file_removed_while_the_size_is_computed_is_ignored(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(workspace.root / "kept.json", {})
    size_bytes = workspace.size_bytes()
    write_json(workspace.root / "vanishing.json", {})
    is_file = Path.is_file

    def is_file_then_gone(path: Path) -> bool:
        there = is_file(path)
        if path.name == "vanishing.json":
            path.unlink()
        return there

    monkeypatch.setattr(Path, "is_file", is_file_then_gone)
    assert workspace.size_bytes() == size_bytes > 0
