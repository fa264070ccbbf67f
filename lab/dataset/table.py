"""The table of a dataset, `metadata.csv`: a line for each clip."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from lab.core.errors import WorkspaceError
from lab.core.workspace import atomic_write

TABLE_NAME = "metadata.csv"

NEW, CORRECTED, EXCLUDED = "new", "corrected", "excluded"
# What a status says, for people.
STATUSES: Mapping[str, str] = {
    NEW: "nobody has listened to it yet",
    CORRECTED: "a person has listened and says that the text is right",
    EXCLUDED: "left out of splits, training and exports; its sound stays",
}
SPLITS = ("train", "validation", "test")

# Texts of corpora can be longer than the 128 KiB that Python's csv takes for damage.
csv.field_size_limit(1 << 24)


@dataclass(frozen=True, slots=True)
class Entry:
    """A clip of a dataset.

    file_name: its path below the folder of the dataset; no two clips share one
    split: "train", "validation", "test", or "" where it is in none
    status: a key of `STATUSES`
    duration_s: as the header of its sound says; None where nobody has looked
    extra: columns that this program does not know, such as a person's notes; kept as they are
    """

    file_name: str
    transcription: str = ""
    split: str = ""
    speaker: str = ""
    language: str = ""
    status: str = NEW
    duration_s: float | None = None
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def is_usable(self) -> bool:
        """Whether a model can learn from it: it has a text and is not left out."""
        return bool(self.transcription) and self.status != EXCLUDED


_COLUMNS = [one.name for one in fields(Entry) if one.name != "extra"]
# Tables of earlier versions, and of other programs, lack the others.
_NEEDED = set(_COLUMNS) - {"duration_s"}


def read(path: Path) -> list[Entry]:
    """The clips of a table, in its order; raises WorkspaceError where it is none."""
    try:
        # Spreadsheets write a byte order mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            header = next(lines, [])
            if missing := _NEEDED - set(header):
                raise ValueError(f"it lacks the columns {', '.join(sorted(missing))}")
            return [_entry(header, line, lines.line_num) for line in lines if line]
    except (OSError, ValueError, csv.Error) as error:
        raise WorkspaceError(
            f"{path} cannot be read: {error}. Undo what was changed in it by hand."
        ) from error


def write(path: Path, entries: Sequence[Entry]) -> None:
    """Write a table, whole or not at all; raises WorkspaceError."""
    with atomic_write(path) as beside:
        beside.write_bytes(text_of(entries).encode())


def text_of(entries: Sequence[Entry]) -> str:
    """A table as text."""
    extra = list(dict.fromkeys(name for entry in entries for name, _ in entry.extra))
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow([*_COLUMNS, *extra])
    table.writerows(_line(entry, extra) for entry in entries)
    return text.getvalue()


def _entry(header: Sequence[str], line: Sequence[str], number: int) -> Entry:
    if len(line) != len(header):
        raise ValueError(f"line {number} has {len(line)} fields and not {len(header)}")
    texts = dict(zip(header, line, strict=True))
    duration = texts.pop("duration_s", "")
    try:
        duration_s = float(duration) if duration else None
        if duration_s is not None and not 0 <= duration_s < math.inf:
            raise ValueError
    except ValueError:
        raise ValueError(f"the length of line {number}, “{duration[:20]}”, is none") from None
    return Entry(
        texts.pop("file_name"),
        texts.pop("transcription"),
        texts.pop("split"),
        texts.pop("speaker"),
        texts.pop("language"),
        texts.pop("status"),
        duration_s,
        tuple(texts.items()),
    )


def _line(entry: Entry, extra: Iterable[str]) -> list[object]:
    others = dict(entry.extra)
    return [
        *(getattr(entry, name) for name in _COLUMNS),
        *(others.get(name, "") for name in extra),
    ]
