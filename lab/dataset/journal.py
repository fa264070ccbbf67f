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

from lab.errors import WorkspaceError

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
        path.touch()
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


def read(folder: Path, start: int = 0) -> list[Action]:
    """The actions from a position in bytes on, the first one first; raises WorkspaceError."""
    path = folder / JOURNAL_NAME
    try:
        with path.open("rb") as file:
            file.seek(start)
            content = file.read()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read ({error.strerror or error}).") from error
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    try:
        return [_action(json.loads(line)) for line in lines]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkspaceError(
            f"{path} cannot be read ({error!r}). Undo what was changed in it by hand."
        ) from error


def _action(content: dict[str, Any]) -> Action:
    changes = tuple(Change(**change) for change in content.pop("changes"))
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
