"""The current state of a dataset: its table, with the actions of the journal applied.

Applying an action to a table that already includes it changes nothing, so whatever a crash
interrupts between two writes, the result is the same. If another program has saved the table, the
whole journal is applied to it: a value from before a change is outdated, as in a spreadsheet that
was open meanwhile, and gets replaced; any other value was typed there, and is kept.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab.core.errors import WorkspaceError
from lab.core.workspace import atomic_write
from lab.dataset import journal, table
from lab.dataset.journal import JOURNAL_NAME, Action
from lab.dataset.table import TABLE_NAME, DatasetClip

EDITABLE_FIELDS = ("transcription", "split", "speaker", "language", "status")

# Holds how many bytes of the journal the table includes, and the signature of that table.
_COMPACTED_NAME = ".settled"
_MAX_CACHED = 4  # datasets


@dataclass(frozen=True)
class Snapshot:
    """A dataset as it was read.

    clips: by file name; never modified in place
    table: `file_signature` of the table
    journal_end: number of bytes of the journal that are included
    is_compacted: whether the table alone holds all of it
    """

    clips: dict[str, DatasetClip]
    table: tuple[int, int]
    journal_end: int
    is_compacted: bool


# Reading a table of 100,000 clips takes most of a second, reading a line of the journal next to
# nothing. So recent snapshots stay in memory, shared with the pages.
_cache: OrderedDict[Path, Snapshot] = OrderedDict()
_lock = threading.Lock()


def current(folder: Path) -> Snapshot:
    """Read the current state of a dataset; raises WorkspaceError."""
    with _lock:
        cached = _cache.get(folder)
    snapshot = (cached and _updated(folder, cached)) or _read(folder)
    with _lock:
        _cache[folder] = snapshot
        _cache.move_to_end(folder)
        while len(_cache) > _MAX_CACHED:
            _cache.popitem(last=False)
    return snapshot


def forget(folder: Path) -> None:
    """Drop a deleted dataset from the cache."""
    with _lock:
        _cache.pop(folder, None)


def _updated(folder: Path, cached: Snapshot) -> Snapshot | None:
    """The cached snapshot with new actions applied; None if everything has to be read again."""
    if cached.table != file_signature(folder / TABLE_NAME):
        return None
    tail = journal.read_from(folder, cached.journal_end)
    if tail is None:
        return None
    actions, end = tail
    return Snapshot(after(cached.clips, actions), cached.table, end, False) if actions else cached


def _read(folder: Path) -> Snapshot:
    # In this order, since a writer replaces the table before `_COMPACTED_NAME`.
    start, compacted_table = compacted_state(folder)
    path = folder / TABLE_NAME
    signature, rows = None, list[DatasetClip]()
    while signature != (signature := file_signature(path)):  # until it is not replaced meanwhile
        rows = table.read(path)
    tail = journal.read_from(folder, start) if compacted_table == signature else None
    actions, end = tail or journal.read_from(folder, 0) or ([], 0)
    clips = after({row.file_name: row for row in rows}, actions)
    return Snapshot(clips, signature, end, not actions)


def after(clips: Mapping[str, DatasetClip], actions: Iterable[Action]) -> dict[str, DatasetClip]:
    """Apply actions to clips, whichever of them the clips already include."""
    values: dict[tuple[str, str], list[str]] = {}
    for action in actions:
        for change in action.changes:
            for name in EDITABLE_FIELDS:
                if change.file_name in clips and name in change.after:
                    chain = values.setdefault((change.file_name, name), [])
                    chain += [change.before.get(name, ""), change.after[name]]
    changed: dict[str, dict[str, Any]] = {}
    for (file_name, name), chain in values.items():
        if getattr(clips[file_name], name) in chain:
            changed.setdefault(file_name, {})[name] = chain[-1]
    return {**clips, **{name: replace(clips[name], **texts) for name, texts in changed.items()}}


def write(folder: Path, clips: Iterable[DatasetClip]) -> None:
    """Write all clips to the table, which then includes the whole journal.

    The caller holds the lock and has applied the journal to `clips`. Raises WorkspaceError, with
    the table unchanged.
    """
    journal_size = file_signature(folder / JOURNAL_NAME)[1]
    table.write(folder / TABLE_NAME, list(clips))
    if journal_size:
        signature = file_signature(folder / TABLE_NAME)
        # Without this file the whole journal is applied to the table, with the same result.
        with suppress(WorkspaceError), atomic_write(folder / _COMPACTED_NAME) as temporary:
            temporary.write_text(" ".join(str(number) for number in (journal_size, *signature)))


def file_signature(path: Path) -> tuple[int, int]:
    """Modification time in nanoseconds and size in bytes; (0, 0) if the file does not exist."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


def compacted_state(folder: Path) -> tuple[int, tuple[int, int]]:
    """How many bytes of the journal the table includes, and the signature of that table."""
    try:
        journal_size, mtime_ns, size = map(int, (folder / _COMPACTED_NAME).read_text().split())
    except (OSError, ValueError):
        return 0, (0, 0)
    return journal_size, (mtime_ns, size)
