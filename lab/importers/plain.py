"""Recordings with plain texts: a text for each of them, or one text with a line for each."""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePath

from lab.core.errors import OptionsError
from lab.importers.source import Kind, Problems, Row, audio_files, by_stem, split_of
from lab.importers.tables import beginning, lines
from lab.preprocess.archive import SUFFIXES


def _recognise_pairs(folder: Path) -> str | None:
    for path in audio_files(folder):
        text = path.with_suffix(".txt")
        if text.is_file():
            return f"“{text.name}” lies beside “{path.name}”: a text for each recording."
    return None


def _pairs(folder: Path, problems: Problems) -> Iterator[Row]:
    used = set()
    for path in audio_files(folder):
        text = path.with_suffix(".txt")
        used.add(text)
        content = ""
        if text.is_file():
            try:
                content = " ".join(lines(text))
            except OptionsError as error:
                problems.add(text.relative_to(folder).as_posix(), str(error))
        split = split_of(path.parent.name)
        yield Row(path.relative_to(folder).as_posix(), content, split)
    for text in sorted(folder.rglob("*.txt")):
        if text not in used:
            problems.add(text.relative_to(folder).as_posix(), "has no recording of the same name")


def _recognise_transcript(folder: Path) -> str | None:
    names = by_stem(folder, Problems())
    for path in _texts(folder):
        found = next(filter(None, (line.strip() for line in beginning(path))), "")
        name, _ = _named(found)
        if name in names:
            return f"Lines of “{path.name}” begin with the name of a recording, such as “{name}”."
    if _numbered(folder, names):
        return "The recordings are numbered like the lines of the only text."
    return None


def _transcript(folder: Path, problems: Problems) -> Iterator[Row]:
    names = by_stem(folder, problems)
    if numbered := _numbered(folder, names):
        yield from numbered
        return
    for path in _texts(folder):
        for number, line in enumerate(lines(path), start=1):
            name, text = _named(line.strip())
            if name in names:
                yield Row(names[name], text, split_of(path.parent.name))
            elif name:
                problems.add(f"{path.name}, line {number}", f"“{name[:40]}” is no recording")


def _named(line: str) -> tuple[str, str]:
    """The name at the beginning of a line, without its ending, and the sentence after it."""
    # A name with spaces in it needs a mark that no name has.
    parts = re.split(r"\s*[\t|]\s*", line, maxsplit=1)
    if len(parts) < 2:
        parts = [*line.split(maxsplit=1), "", ""]
    name = PurePath(parts[0]).name
    stem, suffix = PurePath(name).stem, PurePath(name).suffix.lower()
    return unicodedata.normalize("NFC", stem if suffix in SUFFIXES else name), parts[1]


def _numbered(folder: Path, names: dict[str, str]) -> list[Row]:
    """Each recording with the line whose number ends its name; nothing unless all have one."""
    texts = _texts(folder)
    if len(texts) != 1 or not names:
        return []
    sentences = [line.strip() for line in lines(texts[0])]
    numbers = {stem: re.search(r"[0-9]{1,9}$", stem) for stem in names}
    at = {stem: int(found[0]) - 1 for stem, found in numbers.items() if found}
    if (
        len(at) < len(names)
        or len(set(at.values())) < len(at)
        or not all(0 <= index < len(sentences) for index in at.values())
    ):
        return []
    in_order = sorted(at, key=lambda stem: at[stem])
    return [Row(names[stem], sentences[at[stem]]) for stem in in_order]


def _texts(folder: Path) -> list[Path]:
    """The texts of a folder; licences and the like have no sentences."""
    return [
        path
        for path in sorted(folder.rglob("*.txt"))
        if path.is_file() and not path.stem.lower().startswith(("readme", "license", "licence"))
    ]


PAIRS = Kind(
    "pairs", "a text file of the same name beside each recording", _recognise_pairs, _pairs
)
TRANSCRIPT = Kind(
    "transcript",
    "one text with a sentence a line, that begins with a recording's name or has its number",
    _recognise_transcript,
    _transcript,
)
