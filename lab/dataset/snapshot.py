"""A dataset as it is at one moment: its table, and what the journal has on top of it.

Laying changes over a table that has them already does no harm, so whatever is cut off between two
writes, the same clips come out. A table that another program has saved is laid under the whole
journal: what it has from before a change is out of date, as in a spreadsheet that was open
meanwhile; anything else was typed there, and stays.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab.core.errors import WorkspaceError
from lab.core.workspace import atomic_write
from lab.dataset import journal, table
from lab.dataset.journal import JOURNAL_NAME, Action
from lab.dataset.table import TABLE_NAME, Entry

CHANGEABLE = ("transcription", "split", "speaker", "language", "status")

# How many bytes of the journal the table holds, and what the table is known by.
_SETTLED_NAME = ".settled"
_MOST_IN_MEMORY = 4  # datasets


@dataclass(frozen=True)
class Snapshot:
    """A dataset as it was read.

    clips: by file name; never changed in place
    table: the table's `known_by`
    journal_end: how many bytes of the journal are in it
    is_settled: whether the table alone says the same
    """

    clips: dict[str, Entry]
    table: tuple[int, int]
    journal_end: int
    is_settled: bool


# Reading 100,000 clips takes the better part of a second, reading a line of the journal none: so
# what was read last stays in memory, and is what the pages keep as well.
_remembered: OrderedDict[Path, Snapshot] = OrderedDict()
_lock = threading.Lock()


def current(folder: Path) -> Snapshot:
    """A dataset as it is now; raises WorkspaceError."""
    with _lock:
        known = _remembered.get(folder)
    now = (known and _read_on(folder, known)) or _read(folder)
    with _lock:
        _remembered[folder] = now
        _remembered.move_to_end(folder)
        while len(_remembered) > _MOST_IN_MEMORY:
            _remembered.popitem(last=False)
    return now


def forget(folder: Path) -> None:
    """Let go of a dataset that is no more."""
    with _lock:
        _remembered.pop(folder, None)


def _read_on(folder: Path, known: Snapshot) -> Snapshot | None:
    """What was known with what has come since; None where only reading all of it helps."""
    if known.table != known_by(folder / TABLE_NAME):
        return None
    tail = journal.read_on(folder, known.journal_end)
    if tail is None:
        return None
    actions, end = tail
    return Snapshot(after(known.clips, actions), known.table, end, False) if actions else known


def _read(folder: Path) -> Snapshot:
    # In this order: who writes meanwhile writes the table before it says that it did.
    start, settled_table = _settled_and_table(folder)
    path = folder / TABLE_NAME
    seen, rows = None, list[Entry]()
    while seen != (seen := known_by(path)):  # until nobody has written while it was read
        rows = table.read(path)
    tail = journal.read_on(folder, start) if settled_table == seen else None
    actions, end = tail or journal.read_on(folder, 0) or ([], 0)
    clips = after({row.file_name: row for row in rows}, actions)
    return Snapshot(clips, seen, end, not actions)


def after(clips: Mapping[str, Entry], actions: Iterable[Action]) -> dict[str, Entry]:
    """The clips after some actions, whichever of them they hold already."""
    values: dict[tuple[str, str], list[str]] = {}
    for action in actions:
        for change in action.changes:
            for name in CHANGEABLE:
                if change.file_name in clips and name in change.after:
                    chain = values.setdefault((change.file_name, name), [])
                    chain += [change.before.get(name, ""), change.after[name]]
    changed: dict[str, dict[str, Any]] = {}
    for (file_name, name), chain in values.items():
        if getattr(clips[file_name], name) in chain:
            changed.setdefault(file_name, {})[name] = chain[-1]
    return {**clips, **{name: replace(clips[name], **texts) for name, texts in changed.items()}}


def write(folder: Path, entries: Sequence[Entry]) -> None:
    """Write all clips into the table, which then holds everything of the journal.

    The caller holds the lock and has put the journal's changes into `entries`. Raises
    WorkspaceError, with the table as it was.
    """
    size = known_by(folder / JOURNAL_NAME)[1]
    table.write(folder / TABLE_NAME, entries)
    if size:
        written = known_by(folder / TABLE_NAME)
        # Without it the whole journal is laid over the table, which gives the same clips.
        with suppress(WorkspaceError), atomic_write(folder / _SETTLED_NAME) as beside:
            beside.write_text(" ".join(str(number) for number in (size, *written)))


def settled(folder: Path) -> int:
    """How many bytes of the journal are in the table, as far as that is known."""
    return _settled_and_table(folder)[0]


def known_by(path: Path) -> tuple[int, int]:
    """What tells a file from another of its name: when it was written, and its size in bytes."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


def _settled_and_table(folder: Path) -> tuple[int, tuple[int, int]]:
    try:
        size, written_ns, table_size = map(int, (folder / _SETTLED_NAME).read_text().split())
    except (OSError, ValueError):
        return 0, (0, 0)
    return size, (written_ns, table_size)
