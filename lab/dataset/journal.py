"""What was changed in a dataset: a line of JSON for each action, on the disk before anyone is told.

A line is written in one piece and forced to the disk. One that is cut off belongs to an action
that nobody was told of; it counts for nothing, and the next action writes over it.
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from lab.core.errors import WorkspaceError

JOURNAL_NAME = "changes.jsonl"

_BLOCK = 1 << 16  # bytes


@dataclass(frozen=True)
class Change:
    """Fields of one clip before and after."""

    file_name: str
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True)
class Action:
    """What somebody did at once, to one clip or to many.

    at: the moment, ISO 8601 in UTC
    by: who, as they call themselves
    what: a word or two, such as "corrected"
    undoes: the action that this one takes back; "" where it takes back none
    """

    id: str
    at: str
    by: str
    what: str
    changes: tuple[Change, ...]
    undoes: str = ""


def action(what: str, by: str, changes: tuple[Change, ...], *, undoes: str = "") -> Action:
    """An action of this moment."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Action(secrets.token_hex(6), at, by, what, changes, undoes)


def append(folder: Path, new: Action) -> int:
    """Write an action down; it is on the disk when this returns. Gives the journal's size in bytes.

    The caller holds the lock of the dataset. Raises WorkspaceError, with nothing added.
    """
    line = json.dumps(asdict(new), ensure_ascii=False).encode() + b"\n"
    path = folder / JOURNAL_NAME
    try:
        if not path.exists():
            path.touch()
            _keep_names(folder)
        with path.open("rb+") as file:
            whole = _end_of_whole_lines(file)
            file.seek(whole)
            try:
                file.truncate()
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                file.truncate(whole)
                raise
            return whole + len(line)
    except OSError as error:
        raise WorkspaceError(
            f"{path} cannot be written ({error.strerror or error}), so nothing was changed. "
            "Free some space and try again."
        ) from error


def read(folder: Path) -> list[Action]:
    """All actions, the first one first; raises WorkspaceError."""
    actions, _ = read_on(folder, 0) or ([], 0)
    return actions


def read_on(folder: Path, start: int) -> tuple[list[Action], int] | None:
    """The actions from a position in bytes on, and the position where they end.

    Returns None where no line begins at `start`: it was found in another journal.
    Raises WorkspaceError.
    """
    path = folder / JOURNAL_NAME
    try:
        with path.open("rb") as file:
            if start:
                file.seek(start - 1)
                if file.read(1) != b"\n":
                    return None
            content = file.read()
    except FileNotFoundError:
        return None if start else ([], 0)
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read ({error.strerror or error}).") from error
    length = content.rfind(b"\n") + 1
    try:
        actions = [_action(json.loads(line)) for line in content[:length].splitlines()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WorkspaceError(
            f"{path} cannot be read ({error!r}). Undo what was changed in it by hand."
        ) from error
    return actions, start + length


def _keep_names(folder: Path) -> None:
    """Force the names of a folder's files to the disk; Windows does so by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _action(content: dict[str, Any]) -> Action:
    changes = tuple(Change(**change) for change in content.pop("changes"))
    for change in changes:
        for text in (*change.before.values(), *change.after.values()):
            if not isinstance(text, str):
                raise TypeError(f"{text!r} is no text")
    return Action(**content, changes=changes)


def _end_of_whole_lines(file: BinaryIO) -> int:
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(end - _BLOCK, 0)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
