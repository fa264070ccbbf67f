"""Recordings with plain text: one file for each, or one file with a line for each."""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePath

from lab.core.errors import OptionsError
from lab.core.files import has_audio_suffix
from lab.importers.source import (
    CorpusFormat,
    CorpusRow,
    ProblemLog,
    audio_by_stem,
    audio_files,
    split_of,
)
from lab.importers.tables import first_lines, read_lines


def _detect_pairs(folder: Path) -> str | None:
    for path in audio_files(folder):
        text = path.with_suffix(".txt")
        if text.is_file():
            return f"“{text.name}” has the name of “{path.name}”: one text for each recording."
    return None


def _pairs(folder: Path, problems: ProblemLog) -> Iterator[CorpusRow]:
    used = set()
    for path in audio_files(folder):
        text = path.with_suffix(".txt")
        used.add(text)
        content = ""
        if text.is_file():
            try:
                content = " ".join(read_lines(text))
            except OptionsError as error:
                problems.add(text.relative_to(folder).as_posix(), str(error))
        split = split_of(path.parent.name)
        yield CorpusRow(path.relative_to(folder).as_posix(), content, split)
    for text in sorted(folder.rglob("*.txt")):
        if text not in used:
            problems.add(text.relative_to(folder).as_posix(), "has no recording of the same name")


def _detect_transcript(folder: Path) -> str | None:
    names = audio_by_stem(folder, ProblemLog())
    for path in _text_files(folder):
        first = next(filter(None, (line.strip() for line in first_lines(path))), "")
        name, _ = _split_name(first)
        if name in names:
            return (
                f"The lines of “{path.name}” begin with the name of a recording, such as “{name}”."
            )
    if _match_by_number(folder, names):
        return "The recordings are numbered like the lines of the only text file."
    return None


def _transcript(folder: Path, problems: ProblemLog) -> Iterator[CorpusRow]:
    names = audio_by_stem(folder, problems)
    if rows := _match_by_number(folder, names):
        yield from rows
        return
    for path in _text_files(folder):
        for number, line in enumerate(read_lines(path), start=1):
            name, text = _split_name(line.strip())
            if name in names:
                yield CorpusRow(names[name], text, split_of(path.parent.name))
            elif name:
                problems.add(f"{path.name}, line {number}", f"“{name[:40]}” is not a recording")


def _split_name(line: str) -> tuple[str, str]:
    """The name at the start of a line, without its extension, and the sentence after it."""
    # A name with spaces must be followed by a tab or |, which no name has.
    parts = re.split(r"\s*[\t|]\s*", line, maxsplit=1)
    if len(parts) < 2:
        parts = [*line.split(maxsplit=1), "", ""]
    name = PurePath(parts[0]).name
    name = PurePath(name).stem if has_audio_suffix(name) else name
    return unicodedata.normalize("NFC", name), parts[1]


def _match_by_number(folder: Path, names: dict[str, str]) -> list[CorpusRow]:
    """Each recording with the line whose number ends its name; none unless all match."""
    texts = _text_files(folder)
    if len(texts) != 1 or not names:
        return []
    sentences = [line.strip() for line in read_lines(texts[0])]
    matches = {stem: re.search(r"[0-9]{1,9}$", stem) for stem in names}
    indexes = {stem: int(match[0]) - 1 for stem, match in matches.items() if match}
    if (
        len(indexes) < len(names)
        or len(set(indexes.values())) < len(indexes)
        or not all(0 <= index < len(sentences) for index in indexes.values())
    ):
        return []
    stems = sorted(indexes, key=indexes.__getitem__)
    return [CorpusRow(names[stem], sentences[indexes[stem]]) for stem in stems]


def _text_files(folder: Path) -> list[Path]:
    """The text files below a folder, except licences and the like."""
    return [
        path
        for path in sorted(folder.rglob("*.txt"))
        if path.is_file() and not path.stem.lower().startswith(("readme", "license", "licence"))
    ]


PAIRS = CorpusFormat(
    "pairs", "for each recording a text file of the same name", _detect_pairs, _pairs
)
TRANSCRIPT = CorpusFormat(
    "transcript",
    "one text file with a line for each recording, starting with its name or in order of numbers",
    _detect_transcript,
    _transcript,
)
