"""What all importers share: the data they yield, and finding the audio files that a table names.

Sources are never changed, and nothing outside their folder is read, whatever a table says.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from lab.core.errors import OptionsError
from lab.core.files import has_audio_suffix, printable
from lab.core.languages import LANGUAGES

_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "valid", "validation", "val"), "validation"),
    **dict.fromkeys(("test", "eval"), "test"),
}
MISSING_FILE = "is not in the folder"  # the problem of a table row without an audio file
# Other codes → Whisper's: outdated ones, and languages with several names.
_OTHER_CODES = {"iw": "he", "jv": "jw", "nb": "no", "fil": "tl", "cmn": "zh"}
# Bounds what a hostile table can make us look up, folder by folder.
_MAX_NAME_LENGTH = 1024  # characters
_MAX_DEPTH = 20  # trailing parts of an absolute path that are looked up here


@dataclass(frozen=True)
class CorpusRow:
    """A row of a corpus's table.

    name: path of the audio file, relative to the folder or absolute on another machine
    split: "train", "validation", "test", or "" if unknown
    speaker, language, status: as in the source; "" if unknown
    """

    name: str
    transcription: str = ""
    split: str = ""
    speaker: str = ""
    language: str = ""
    status: str = ""


@dataclass(frozen=True)
class CorpusClip:
    """An audio file with its transcription; split and speaker are as in `CorpusRow`.

    language: Whisper's code; "" if unknown
    status: in lower case; "" if unknown
    """

    audio_path: Path
    transcription: str = ""
    split: str = ""
    speaker: str = ""
    language: str = ""
    status: str = ""


@dataclass(frozen=True)
class ImportProblem:
    """A defect of a source. name: of the file, or file and line, for display; reason: a phrase"""

    name: str
    reason: str


class ProblemLog:
    """Collects problems, without duplicates."""

    def __init__(self) -> None:
        self._problems: dict[ImportProblem, None] = {}

    def add(self, name: str, reason: str) -> None:
        """Record what is wrong with `name`, which may come from a hostile file."""
        self._problems[ImportProblem(printable(name), reason)] = None

    def all(self) -> list[ImportProblem]:
        """The problems so far, in the order in which they were found."""
        return list(self._problems)


@dataclass(frozen=True)
class CorpusFormat:
    """A layout of a corpus.

    name: identifier, as on the command line
    description: what such a folder looks like, a phrase
    detect: returns why a folder seems to have this format, a sentence; None if it does not
    rows: yields the rows of the tables in a folder; raises OptionsError
    has_texts: whether a clip without a transcription is a problem
    lists_all_audio: whether an audio file that no table names is a problem
    """

    name: str
    description: str
    detect: Callable[[Path], str | None]
    rows: Callable[[Path, ProblemLog], Iterator[CorpusRow]]
    has_texts: bool = True
    lists_all_audio: bool = True


def read_clips(
    corpus_format: CorpusFormat, folder: Path, problems: ProblemLog
) -> Iterator[CorpusClip]:
    """Read a corpus clip by clip, adding what is wrong to `problems`.

    Rows without an audio file, or with one that an earlier row names, yield no clip; rows without
    a transcription do. Raises OptionsError if the folder cannot be read in this format.
    """
    root = folder.resolve()
    seen: set[Path] = set()
    for row in corpus_format.rows(root, problems):
        path = _find_audio(root, row.name, problems)
        if path is None:
            continue
        if path in seen:
            problems.add(row.name, "is named more than once; the first line is used")
            continue
        seen.add(path)
        text = " ".join(row.transcription.split())
        if not text and corpus_format.has_texts:
            problems.add(row.name, "has no text")
        language = whisper_code(row.language)
        if row.language.strip() and not language:
            problems.add(
                row.language, "is not a language of Whisper; the one that you choose is used"
            )
        speaker, status = row.speaker.strip(), row.status.strip().lower()
        yield CorpusClip(path, text, row.split, speaker, language, status)
    if corpus_format.lists_all_audio:
        for path in audio_files(root):
            if path not in seen and path.resolve() not in seen:
                problems.add(path.relative_to(root).as_posix(), "is not named in any table")


def split_of(name: str) -> str:
    """Our name of the split that a source calls `name`; "" if it is none."""
    return _SPLITS.get(name.strip().lower(), "")


def audio_files(folder: Path) -> list[Path]:
    """All files below the folder with the extension of a recording, sorted.

    Hidden files and folders are skipped. Raises OptionsError if a folder cannot be read.
    """
    paths = []

    def refuse(error: OSError) -> None:
        raise OptionsError(
            f"“{folder.name}” cannot be read ({error.strerror}). Check the permissions of the "
            "folders in it."
        ) from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [
            Path(parent, name)
            for name in names
            if not name.startswith(".") and has_audio_suffix(name)
        ]
    return sorted(paths)


def audio_by_stem(folder: Path, problems: ProblemLog) -> dict[str, str]:
    """The audio files below the folder: relative paths by file name without extension."""
    by_stem: dict[str, str] = {}
    for path in audio_files(folder):
        name = path.relative_to(folder).as_posix()
        stem = unicodedata.normalize("NFC", path.stem)
        if by_stem.setdefault(stem, name) != name:
            problems.add(name, f"has the same name as {by_stem[stem]}, which is used")
    return by_stem


def is_cache_link(path: Path) -> bool:
    """Whether the file is a link of a Hugging Face snapshot to a blob in the same cache.

    datasets--OWNER--NAME/snapshots/COMMIT/…/a.wav → datasets--OWNER--NAME/blobs/HASH
    """
    real = path.resolve()
    repository = real.parent.parent
    return (
        real.parent.name == "blobs"
        and re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", real.name) is not None
        and repository.name.startswith(("datasets--", "models--"))
        and path.parent.resolve().is_relative_to(repository / "snapshots")
        and real.is_file()
    )


def whisper_code(code: str) -> str:
    """Whisper's code for a language code with or without region or script; "" if it has none."""
    short = code.strip().lower().replace("_", "-").split("-")[0]
    short = _OTHER_CODES.get(short, short)
    return short if short in LANGUAGES else ""


def _find_audio(root: Path, name: str, problems: ProblemLog) -> Path | None:
    """The file that a table calls `name`; None, and a problem, if it is not in the folder."""
    if len(name) > _MAX_NAME_LENGTH:
        problems.add(name, "is longer than a file name can be")
        return None
    is_absolute = name.startswith("/") or bool(PureWindowsPath(name).drive)
    parts = PurePosixPath(PureWindowsPath(name).as_posix()).parts
    # Of an absolute path on the machine that wrote the table, the last parts may exist here.
    starts = range(max(1, len(parts) - _MAX_DEPTH), len(parts)) if is_absolute else (0,)
    is_outside = False
    for start in starts:
        # macOS decomposes accented letters in file names, Windows does not.
        for form in ("NFC", "NFD"):
            relative = unicodedata.normalize(form, "/".join(parts[start:]))
            try:
                path = root / relative
                real = path.resolve()
                if real.is_relative_to(root):
                    if real.is_file():
                        return real
                elif is_cache_link(path) and path.parent.resolve().is_relative_to(root):
                    return path.parent.resolve() / path.name
                else:
                    is_outside = True
            except (OSError, ValueError, RuntimeError):  # too long, not text, circular links
                break
    problems.add(name, "leads outside the folder" if is_outside else MISSING_FILE)
    return None
