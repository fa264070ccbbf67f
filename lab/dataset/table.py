"""The table of a dataset, `metadata.csv`: one row per clip."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from lab.core.errors import WorkspaceError
from lab.core.files import csv_text
from lab.core.workspace import write_text

TABLE_NAME = "metadata.csv"

NEW, CORRECTED, EXCLUDED = "new", "corrected", "excluded"
# Each status, described for people.
STATUSES: Mapping[str, str] = {
    NEW: "not reviewed yet",
    CORRECTED: "a person has listened and confirmed the text",
    EXCLUDED: "excluded from splits, training and exports; the audio file is kept",
}
SPLITS = ("train", "validation", "test")
MAX_CLIP_S = 30.0  # the window of Whisper's encoder

# Texts of some corpora exceed the csv module's default field limit of 128 KiB.
csv.field_size_limit(1 << 24)


@dataclass(frozen=True, slots=True)
class DatasetClip:
    """A row of a dataset's table: an audio file with its transcription.

    file_name: path relative to the dataset's folder, unique within the dataset
    split: "train", "validation", "test", or "" for none
    status: a key of `STATUSES`
    duration_s: according to the header of the audio file; None if it has not been read
    extra: columns unknown to this program, such as a person's notes, as (name, value) pairs
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
        """Whether it can be used for training: it has a text and is not excluded."""
        return bool(self.transcription) and self.status != EXCLUDED


_COLUMNS = [field.name for field in fields(DatasetClip) if field.name != "extra"]
# Tables written by earlier versions and other programs may lack the duration.
_REQUIRED = set(_COLUMNS) - {"duration_s"}


def read(path: Path) -> list[DatasetClip]:
    """Read the clips of a table, in order; raises WorkspaceError if it is not a valid table."""
    try:
        # Spreadsheet programs write a byte order mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            if missing := _REQUIRED - set(header):
                raise ValueError(f"missing columns: {', '.join(sorted(missing))}")
            return [_clip(header, row, rows.line_num) for row in rows if row]
    except (OSError, ValueError, csv.Error) as error:
        raise WorkspaceError(
            f"{path} cannot be read: {error}. If you edited it by hand, revert your edits."
        ) from error


def write(path: Path, clips: Sequence[DatasetClip]) -> None:
    """Write a table atomically; raises WorkspaceError."""
    write_text(path, to_csv(clips))


def to_csv(clips: Sequence[DatasetClip]) -> str:
    """Format a table as CSV."""
    extra = list(dict.fromkeys(name for clip in clips for name, _ in clip.extra))
    rows = (
        [
            *(getattr(clip, name) for name in _COLUMNS),
            *(dict(clip.extra).get(name, "") for name in extra),
        ]
        for clip in clips
    )
    return csv_text([[*_COLUMNS, *extra], *rows])


def _clip(header: Sequence[str], row: Sequence[str], line_number: int) -> DatasetClip:
    if len(row) != len(header):
        raise ValueError(f"line {line_number} has {len(row)} fields, expected {len(header)}")
    values = dict(zip(header, row, strict=True))
    duration = values.pop("duration_s", "")
    try:
        duration_s = float(duration) if duration else None
        if duration_s is not None and not 0 <= duration_s < math.inf:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"line {line_number} has an invalid duration_s, “{duration[:20]}”"
        ) from None
    known = {name: values.pop(name) for name in _REQUIRED}
    return DatasetClip(**known, duration_s=duration_s, extra=tuple(values.items()))
