"""The journal: whole lines or none, on the disk before anyone is told."""

import json
import os
from pathlib import Path

import pytest

from lab.core.errors import WorkspaceError
from lab.dataset import journal
from lab.dataset.journal import JOURNAL_NAME, Action, Change


def an_action(text: str) -> Action:
    change = Change("audio/a.wav", {"transcription": ""}, {"transcription": text})
    return journal.action("corrected", "Ana", (change,))


def test_what_was_written_is_read_whatever_the_text(tmp_path: Path) -> None:
    written = [an_action(text) for text in ("mirë", 'a\n"b"\r\x85\u2028\x00', "", "🎧")]
    for one in written:
        journal.append(tmp_path, one)
    assert journal.read(tmp_path) == written


def test_a_line_is_forced_to_the_disk_before_append_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced = []
    fsync = os.fsync

    def note(handle: int) -> None:
        fsync(handle)
        forced.append((tmp_path / JOURNAL_NAME).read_bytes())

    monkeypatch.setattr(os, "fsync", note)
    new = an_action("mirë")
    size = journal.append(tmp_path, new)
    assert json.loads(forced[-1])["id"] == new.id
    assert size == len(forced[-1])


@pytest.mark.parametrize("kept", [1, 20, -2, -1])
def test_a_line_that_was_cut_off_counts_for_nothing_and_is_written_over(
    kept: int, tmp_path: Path
) -> None:
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


def test_a_disk_that_refuses_leaves_the_journal_as_it_was(
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


def test_reading_goes_on_where_it_ended_and_notices_another_journal(tmp_path: Path) -> None:
    actions = [an_action(text) for text in "abc"]
    ends = [journal.append(tmp_path, one) for one in actions]
    assert journal.read_on(tmp_path, ends[0]) == (actions[1:], ends[2])
    assert journal.read_on(tmp_path, ends[2]) == ([], ends[2])
    assert journal.read_on(tmp_path, ends[0] + 5) is None
    (tmp_path / JOURNAL_NAME).write_bytes(b"")
    assert journal.read_on(tmp_path, ends[0]) is None
    (tmp_path / JOURNAL_NAME).unlink()
    assert journal.read_on(tmp_path, ends[0]) is None
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
def test_a_line_that_is_no_action_is_said_in_a_sentence(line: bytes, tmp_path: Path) -> None:
    (tmp_path / JOURNAL_NAME).write_bytes(line)
    with pytest.raises(WorkspaceError, match="Undo what was changed in it by hand"):
        journal.read(tmp_path)
