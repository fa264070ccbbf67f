"""Hugging Face's audiofolder: metadata next to the audio, in one folder or one per split."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from lab.importers.source import CorpusFormat, CorpusRow, ProblemLog, split_of
from lab.importers.tables import find_tables, first_line, first_value, read_csv, read_json_lines

_NAMES = ("metadata.csv", "metadata.jsonl")


def _detect(folder: Path) -> str | None:
    for path in _tables(folder):
        if "file_name" in first_line(path):
            name = path.relative_to(folder).as_posix()
            return f"“{name}” has the column file_name, as in Hugging Face's audiofolder."
    return None


def _rows(folder: Path, problems: ProblemLog) -> Iterator[CorpusRow]:
    for path in _tables(folder):
        inside = PurePosixPath(path.parent.relative_to(folder).as_posix())
        rows: Iterator[dict[str, Any]] = (
            read_csv(path, problems) if path.suffix == ".csv" else read_json_lines(path, problems)
        )
        for number, row in enumerate(rows, start=1):
            name = first_value(row, "file_name")
            if not name:
                problems.add(f"{path.name}, row {number}", "has no file_name")
                continue
            yield CorpusRow(
                # An absolute path stays absolute and is checked like any other name.
                str(inside / name),
                first_value(row, "transcription", "text", "sentence"),
                split_of(first_value(row, "split")) or split_of(path.parent.name),
                first_value(row, "speaker", "speaker_id"),
                first_value(row, "language", "lang", "locale"),
                first_value(row, "status"),
            )


def _tables(folder: Path) -> list[Path]:
    return [path for name in _NAMES for path in find_tables(folder, name)]


AUDIOFOLDER = CorpusFormat(
    "audiofolder",
    "metadata.csv or metadata.jsonl with file_name and transcription (or text, or sentence)",
    _detect,
    _rows,
)
