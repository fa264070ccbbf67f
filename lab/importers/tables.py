"""Text files of a corpus, line by line: whatever they begin with, and however their lines end."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.core.errors import OptionsError
from lab.importers.source import Problems, leads_into_cache

_BEGINNING = 1 << 16  # bytes that are looked at to recognise a file


def lines(path: Path) -> Iterator[str]:
    """The lines of a text in UTF-8 or UTF-16, without their ends.

    path: its folder without links, as of all paths here
    Raises OptionsError if the file is missing, no such text, or a link.
    """
    if _is_link(path):
        raise OptionsError(f"“{path.name}” is a link to another place. Put the file itself there.")
    try:
        with path.open("rb") as file:
            start = file.read(2)
        encoding = "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        with path.open(encoding=encoding) as text:
            for line in text:
                yield line.rstrip("\n")
    except (OSError, UnicodeError) as error:
        raise OptionsError(
            f"“{path.name}” cannot be read as text ({error}). Save it as plain text in UTF-8."
        ) from error


def beginning(path: Path) -> list[str]:
    """The first lines of a file, to see what it is; none where it is missing or no text."""
    if _is_link(path):
        return []
    try:
        with path.open("rb") as file:
            data = file.read(_BEGINNING)
    except OSError:
        return []
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    # The last line may be cut in the middle of a letter.
    text = data.decode(encoding, errors="ignore")
    return [] if "\0" in text else text.splitlines()


def table(path: Path, problems: Problems) -> Iterator[dict[str, str]]:
    """The rows of a comma-separated table with a header; sentences in quotes may hold commas.

    Column names are given in lower case. A line with another number of fields is a problem.
    Raises OptionsError as `lines`, or where the table is damaged.
    """
    # The ends of lines inside of quotes are all that `lines` has taken off.
    rows = csv.reader((f"{line}\n" for line in lines(path)), skipinitialspace=True)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        for row in rows:
            if len(row) == len(header):
                yield dict(zip(header, row, strict=True))
            elif row:
                _wrong_number(path, rows.line_num, len(row), len(header), problems)
    except csv.Error as error:
        raise OptionsError(
            f"“{path.name}” is damaged near line {rows.line_num} ({error}). Save it again as CSV."
        ) from error


def split_lines(path: Path, mark: str, n_fields: int, problems: Problems) -> Iterator[list[str]]:
    """Lines cut at each `mark`; quotation marks are part of the sentences.

    n_fields: how many there have to be; a line with fewer is a problem
    """
    for number, line in enumerate(lines(path), start=1):
        row = line.split(mark)
        if len(row) >= n_fields:
            yield row
        elif line.strip():
            _wrong_number(path, number, len(row), n_fields, problems)


def tab_separated(path: Path, problems: Problems) -> Iterator[dict[str, str]]:
    """The rows of a table with a header and tabs; quotation marks are part of the sentences."""
    header = (beginning(path) or [""])[0].split("\t")
    rows = split_lines(path, "\t", len(header), problems)
    next(rows, None)
    for row in rows:
        yield dict(zip(header, row, strict=False))


def json_lines(path: Path, problems: Problems) -> Iterator[dict[str, Any]]:
    """The objects of a file with one in JSON on each line; any other line is a problem."""
    for number, line in enumerate(lines(path), start=1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            content = None
        if isinstance(content, dict):
            yield content
        else:
            problems.add(f"{path.name}, line {number}", "is no JSON object")


def text_of(row: dict[str, Any], *names: str) -> str:
    """The first of these columns that is there and holds something, as text; else ""."""
    return next((str(row[name]) for name in names if row.get(name) not in (None, "")), "")


def nested(folder: Path, name: str) -> list[Path]:
    """The tables called `name` in the folder, and in those for each split, also below data."""
    return [
        path
        for pattern in (name, f"*/{name}", f"data/*/{name}")
        for path in sorted(folder.glob(pattern))
        if path.is_file()
    ]


def _is_link(path: Path) -> bool:
    """Whether the file, or a folder above it, is a link: it could lead to any file of the disk."""
    return path.resolve() != path and not leads_into_cache(path)


def _wrong_number(path: Path, number: int, found: int, wanted: int, problems: Problems) -> None:
    problems.add(f"{path.name}, line {number}", f"has {found} fields instead of {wanted}")
