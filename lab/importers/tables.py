"""The text files of a corpus, line by line, with any byte-order mark and line endings."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.core.errors import OptionsError
from lab.core.files import text_encoding
from lab.importers.source import ProblemLog, is_cache_link

_FIRST_BYTES = 1 << 16  # enough to recognise a table by


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text file in UTF-8 or UTF-16, without line endings.

    path: in a resolved folder, like all paths here
    Raises OptionsError if the file is missing, not such a text, or a link.
    """
    if _is_link(path):
        raise OptionsError(f"“{path.name}” is a link. Put the file itself in its place.")
    try:
        with path.open("rb") as file:
            start = file.read(2)
        with path.open(encoding=text_encoding(start)) as text:
            for line in text:
                yield line.rstrip("\n")
    except (OSError, UnicodeError) as error:
        raise OptionsError(
            f"“{path.name}” cannot be read as text ({error}). Save it as plain text in UTF-8."
        ) from error


def first_lines(path: Path) -> list[str]:
    """The first lines of a file, to recognise it by; none if it is missing or not text."""
    if _is_link(path):
        return []
    try:
        with path.open("rb") as file:
            data = file.read(_FIRST_BYTES)
    except OSError:
        return []
    # The last line may be cut within a character.
    text = data.decode(text_encoding(data), errors="ignore")
    return [] if "\0" in text else text.splitlines()


def first_line(path: Path) -> str:
    """The first line of a file; "" if it is missing or not text."""
    return next(iter(first_lines(path)), "")


def read_csv(path: Path, problems: ProblemLog) -> Iterator[dict[str, str]]:
    """Yield the rows of a comma-separated table with a header, by column name in lower case.

    A line with another number of fields is a problem. Raises OptionsError as `read_lines`, or if
    the table is damaged.
    """
    # `read_lines` removes line endings, which matter inside quotes.
    rows = csv.reader((f"{line}\n" for line in read_lines(path)), skipinitialspace=True)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        for row in rows:
            if len(row) == len(header):
                yield dict(zip(header, row, strict=True))
            elif row:
                _log_field_count(path, rows.line_num, len(row), len(header), problems)
    except csv.Error as error:
        raise OptionsError(
            f"“{path.name}” is damaged near line {rows.line_num} ({error}). Save it again as CSV."
        ) from error


def read_delimited(
    path: Path, delimiter: str, n_fields: int, problems: ProblemLog
) -> Iterator[list[str]]:
    """Yield the fields of each line; quotation marks are part of the text.

    n_fields: the fewest fields of a line; one with fewer is a problem
    """
    for number, line in enumerate(read_lines(path), start=1):
        row = line.split(delimiter)
        if len(row) >= n_fields:
            yield row
        elif line.strip():
            _log_field_count(path, number, len(row), n_fields, problems)


def read_tsv(path: Path, problems: ProblemLog) -> Iterator[dict[str, str]]:
    """Yield the rows of a tab-separated table with a header; quotation marks are text."""
    header = first_line(path).split("\t")
    rows = read_delimited(path, "\t", len(header), problems)
    next(rows, None)
    for row in rows:
        yield dict(zip(header, row, strict=False))


def read_json_lines(path: Path, problems: ProblemLog) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON Lines file; a line that is not a JSON object is a problem."""
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            content = None
        if isinstance(content, dict):
            yield content
        else:
            problems.add(f"{path.name}, line {number}", "is not a JSON object")


def first_value(row: dict[str, Any], *names: str) -> str:
    """The first of these columns that is not empty, as text; "" if all are."""
    return next((str(row[name]) for name in names if row.get(name) not in (None, "")), "")


def find_tables(folder: Path, *names: str) -> list[Path]:
    """The tables with these names in the folder, and in split folders in it or in data/."""
    return [
        path
        for name in names
        for pattern in (name, f"*/{name}", f"data/*/{name}")
        for path in sorted(folder.glob(pattern))
        if path.is_file()
    ]


def _is_link(path: Path) -> bool:
    """Whether the file, or a folder above it, is a link, which could lead anywhere on the disk."""
    return path.resolve() != path and not is_cache_link(path)


def _log_field_count(
    path: Path, number: int, n_fields: int, expected: int, problems: ProblemLog
) -> None:
    problems.add(f"{path.name}, line {number}", f"has {n_fields} fields instead of {expected}")
