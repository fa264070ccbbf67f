"""The journal: complete lines or none, synced to disk before they are confirmed."""

import json
import os
from pathlib import Path

import pytest

from lab.core.errors import WorkspaceError
from lab.dataset import journal
from lab.dataset.journal import JOURNAL_NAME, Action, Change


def an_action(text: str) -> Action:
    change = Change("audio/a.wav", {"transcription": ""}, {"transcription": text})
    return journal.new_action("corrected", "Ana", (change,))


def test_actions_with_any_text_are_read_back(tmp_path: Path) -> None:
    written = [an_action(text) for text in ("mirë", 'a\n"b"\r\x85\u2028\x00', "", "🎧")]
    for one in written:
        journal.append(tmp_path, one)
    assert journal.read(tmp_path) == written


def test_a_line_is_synced_to_disk_before_append_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    fsync = os.fsync

    def record(handle: int) -> None:
        fsync(handle)
        synced.append((tmp_path / JOURNAL_NAME).read_bytes())

    monkeypatch.setattr(os, "fsync", record)
    new = an_action("mirë")
    size = journal.append(tmp_path, new)
    assert json.loads(synced[-1])["id"] == new.id
    assert size == len(synced[-1])


@pytest.mark.parametrize("kept", [1, 20, -2, -1])
def test_a_line_that_was_cut_off_is_ignored_and_overwritten(kept: int, tmp_path: Path) -> None:
    path = tmp_path / JOURNAL_NAME
    first, lost, third = an_action("1"), an_action("ë" * 200_000), an_action("3")
    journal.append(tmp_path, first)
    whole = path.stat().st_size
    journal.append(tmp_path, lost)
    content = path.read_bytes()
    path.write_bytes(content[: whole + kept if kept > 0 else kept])
    assert journal.read(tmp_path) == [first]
    assert journal.append(tmp_path, third) == path.stat().st_size
    assert journal.read(tmp_path) == [first, third]


def test_a_failed_write_leaves_the_journal_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = an_action("1")
    journal.append(tmp_path, first)
    before = (tmp_path / JOURNAL_NAME).read_bytes()

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(WorkspaceError, match="No space left"):
            journal.append(tmp_path, an_action("2"))
    assert (tmp_path / JOURNAL_NAME).read_bytes() == before


def test_reading_continues_from_an_offset_and_detects_another_journal(tmp_path: Path) -> None:
    actions = [an_action(text) for text in "abc"]
    ends = [journal.append(tmp_path, one) for one in actions]
    assert journal.read_from(tmp_path, ends[0]) == (actions[1:], ends[2])
    assert journal.read_from(tmp_path, ends[2]) == ([], ends[2])
    assert journal.read_from(tmp_path, ends[0] + 5) is None
    (tmp_path / JOURNAL_NAME).write_bytes(b"")
    assert journal.read_from(tmp_path, ends[0]) is None
    (tmp_path / JOURNAL_NAME).unlink()
    assert journal.read_from(tmp_path, ends[0]) is None
    assert journal.read(tmp_path) == []


@pytest.mark.parametrize(
    "line",
    [
        b"{}\n",
        b"7\n",
        b"\xff\n",
        b"[" * 100_000 + b"\n",
        b'{"id":"1","at":"","by":"","what":"","undoes":"",'
        b'"changes":[{"file_name":"a","before":{},"after":{"transcription":7}}]}\n',
    ],
)
def test_an_invalid_line_is_reported(line: bytes, tmp_path: Path) -> None:
    (tmp_path / JOURNAL_NAME).write_bytes(line)
    with pytest.raises(WorkspaceError, match="If you edited it by hand, revert your edits"):
        journal.read(tmp_path)
