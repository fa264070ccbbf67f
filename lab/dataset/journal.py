"""The journal of a dataset: one line of JSON per action, synced to disk before it is confirmed.

A last line that was cut off belongs to an action that was never confirmed: it is ignored, and the
next action overwrites it.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.core.errors import WorkspaceError, disk_errors
from lab.dataset import append_only

JOURNAL_NAME = "changes.jsonl"


@dataclass(frozen=True)
class Change:
    """Fields of one clip before and after."""

    file_name: str
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True)
class Action:
    """A change of one or more clips, made by one person in one step.

    at: time, ISO 8601 in UTC
    by: the person, as they call themselves
    what: a word or two, such as "corrected"
    undoes: id of the action that this one undoes; "" for none
    """

    id: str
    at: str
    by: str
    what: str
    changes: tuple[Change, ...]
    undoes: str = ""


def new_action(what: str, by: str, changes: tuple[Change, ...], *, undoes: str = "") -> Action:
    """Create an action with the current time and a new id."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Action(secrets.token_hex(6), at, by, what, changes, undoes)


def append(folder: Path, action: Action) -> int:
    """Append an action and sync it to disk; returns the journal's size in bytes.

    The caller holds the lock of the dataset. Raises WorkspaceError, with nothing appended.
    """
    path = folder / JOURNAL_NAME
    line = json.dumps(asdict(action), ensure_ascii=False).encode() + b"\n"
    with disk_errors(path, "Nothing was changed. Free some space and try again."):
        return append_only.append(path, line)


def read(folder: Path) -> list[Action]:
    """Read all actions, oldest first; raises WorkspaceError."""
    actions, _ = read_from(folder, 0) or ([], 0)
    return actions


def read_from(folder: Path, start: int) -> tuple[list[Action], int] | None:
    """Read the actions from an offset in bytes, and return them with the offset where they end.

    Returns None if no line begins at `start`, because the journal was replaced since.
    Raises WorkspaceError.
    """
    path = folder / JOURNAL_NAME
    if not path.exists():
        return None if start else ([], 0)
    with disk_errors(path, "", action="read"), path.open("rb") as file:
        if start:
            file.seek(start - 1)
            if file.read(1) != b"\n":
                return None
        content = append_only.complete_lines(file.read())
    try:
        actions = [_action(json.loads(line)) for line in content.splitlines()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WorkspaceError(
            f"{path} cannot be read ({error!r}). If you edited it by hand, revert your edits."
        ) from error
    return actions, start + len(content)


def _action(content: dict[str, Any]) -> Action:
    changes = tuple(Change(**change) for change in content.pop("changes"))
    for change in changes:
        for text in (*change.before.values(), *change.after.values()):
            if not isinstance(text, str):
                raise TypeError(f"expected a string, got {text!r}")
    return Action(**content, changes=changes)
