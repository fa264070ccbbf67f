"""Hugging Face's audiofolder: a table beside the sound, in the folder or in one for each split."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from lab.importers.source import Kind, Problems, Row, split_of
from lab.importers.tables import beginning, json_lines, nested, table, text_of

_NAMES = ("metadata.csv", "metadata.jsonl")


def _recognise(folder: Path) -> str | None:
    for path in _tables(folder):
        if "file_name" in (beginning(path) or [""])[0]:
            shown = path.relative_to(folder).as_posix()
            return f"“{shown}” has the column file_name, as Hugging Face's audiofolder."
    return None


def _rows(folder: Path, problems: Problems) -> Iterator[Row]:
    for path in _tables(folder):
        inside = PurePosixPath(path.parent.relative_to(folder).as_posix())
        rows: Iterator[dict[str, Any]] = (
            table(path, problems) if path.suffix == ".csv" else json_lines(path, problems)
        )
        for number, row in enumerate(rows, start=1):
            name = text_of(row, "file_name")
            if not name:
                problems.add(f"{path.name}, row {number}", "has no file_name")
                continue
            yield Row(
                # What begins with a slash stays as it is, and is judged as any other name.
                str(inside / name),
                text_of(row, "transcription", "text", "sentence"),
                split_of(text_of(row, "split")) or split_of(path.parent.name),
                text_of(row, "speaker", "speaker_id"),
                text_of(row, "language", "lang", "locale"),
                text_of(row, "status"),
            )


def _tables(folder: Path) -> list[Path]:
    return [path for name in _NAMES for path in nested(folder, name)]


AUDIOFOLDER = Kind(
    "audiofolder",
    "metadata.csv or metadata.jsonl with file_name and transcription (or text, or sentence)",
    _recognise,
    _rows,
)
