"""What an importer gives, and what all of them share: finding the sound that a table names.

Nothing of a source is changed, and nothing outside of its folder is touched, whatever a table says.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from lab.core.errors import OptionsError
from lab.core.languages import LANGUAGES
from lab.preprocess.archive import SUFFIXES

_SPLITS = {
    "train": "train",
    "training": "train",
    "dev": "validation",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "test": "test",
    "eval": "test",
}
# Why a table's row has no sound, where nothing worse is the matter.
NOT_THERE = "is not in the folder"
# As others call them → as Whisper does: old codes, and one of several names for the same.
_OTHER_CODES = {"iw": "he", "jv": "jw", "nb": "no", "fil": "tl", "cmn": "zh"}
# What a hostile table could have looked for folder by folder, for hours.
_MAX_NAME_LENGTH = 1024  # characters
_MAX_DEPTH = 20  # folders of a path on another machine that are looked for here


@dataclass(frozen=True)
class Clip:
    """A piece of sound with what is said in it.

    split: "train", "validation", "test", or "" where the source does not say
    speaker: as the source calls them; "" where it does not say
    language: Whisper's code; "" where the source does not say
    status: as the source calls it, in small letters; "" where it does not say
    """

    audio_path: Path
    transcription: str = ""
    split: str = ""
    speaker: str = ""
    language: str = ""
    status: str = ""


@dataclass(frozen=True)
class Row:
    """A clip as a table has it. name: of the sound, below the folder or on another machine."""

    name: str
    transcription: str = ""
    split: str = ""
    speaker: str = ""
    language: str = ""
    status: str = ""


@dataclass(frozen=True)
class Problem:
    """Something of a source that is not right. name: of the file, or file and line; for people."""

    name: str
    reason: str


class Problems:
    """Problems as they are found, each kept once."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}

    def add(self, name: str, reason: str) -> None:
        """Note what is wrong with `name`, which may come from a hostile file."""
        shown = "".join(char if char.isprintable() else "�" for char in name)[-200:]
        self._found[Problem(shown, reason)] = None

    def all(self) -> list[Problem]:
        """What was found so far, in the order in which it was found."""
        return list(self._found)


@dataclass(frozen=True)
class Kind:
    """A way to lay out a corpus.

    name: what a person chooses it by
    about: how such a folder looks, a phrase
    recognise: why a folder seems to be of this kind, a sentence; None where it does not
    rows: what the tables of such a folder say, one by one; raises OptionsError
    has_texts: whether a clip without a text is a problem
    names_all: whether sound that no table names is a problem
    """

    name: str
    about: str
    recognise: Callable[[Path], str | None]
    rows: Callable[[Path, Problems], Iterator[Row]]
    has_texts: bool = True
    names_all: bool = True


def clips(kind: Kind, folder: Path, problems: Problems) -> Iterator[Clip]:
    """Read a folder as one of `kind`, clip by clip; what is wrong is added to `problems`.

    A row without sound, or with sound that another row has named, gives no clip; one without a
    text gives a clip. Raises OptionsError where the folder cannot be read as this kind.
    """
    root = folder.resolve()
    seen: set[Path] = set()
    for row in kind.rows(root, problems):
        path = _located(root, row.name, problems)
        if path is None:
            continue
        if path in seen:
            problems.add(row.name, "is named more than once; the first line is used")
            continue
        seen.add(path)
        text = " ".join(row.transcription.split())
        if not text and kind.has_texts:
            problems.add(row.name, "has no text")
        code, status = _code(row, problems), row.status.strip().lower()
        yield Clip(path, text, row.split, row.speaker.strip(), code, status)
    if kind.names_all:
        for path in audio_files(root):
            if path not in seen and path.resolve() not in seen:
                problems.add(path.relative_to(root).as_posix(), "is named by no line with its text")


def split_of(name: str) -> str:
    """The split that a source calls `name`; "" where that is none."""
    return _SPLITS.get(name.strip().lower(), "")


def audio_files(folder: Path) -> list[Path]:
    """All files below the folder whose names end like those of recordings, sorted.

    Raises OptionsError where the folder cannot be read.
    """
    found = []

    def refuse(error: OSError) -> None:
        raise OptionsError(
            f"“{folder.name}” cannot be read ({error.strerror}). Check that you may open all "
            "folders in it."
        ) from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [one for one in folders if not one.startswith(".")]
        found += [
            Path(parent, name)
            for name in names
            if not name.startswith(".") and PurePath(name).suffix.lower() in SUFFIXES
        ]
    return sorted(found)


def by_stem(folder: Path, problems: Problems) -> dict[str, str]:
    """The sound below the folder by its name without ending: paths below the folder."""
    found: dict[str, str] = {}
    for path in audio_files(folder):
        name = path.relative_to(folder).as_posix()
        stem = unicodedata.normalize("NFC", path.stem)
        if found.setdefault(stem, name) != name:
            problems.add(name, f"has the same name as {found[stem]}, which is used")
    return found


def leads_into_cache(path: Path) -> bool:
    """Whether the file is a link of a Hugging Face snapshot to its content, in the same cache.

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
    """Whisper's code for a language, whatever its region or script; "" where it knows none."""
    short = code.strip().lower().replace("_", "-").split("-")[0]
    short = _OTHER_CODES.get(short, short)
    return short if short in LANGUAGES else ""


def _located(root: Path, name: str, problems: Problems) -> Path | None:
    """The file that a table calls `name`; None, and a problem, where it is not in the folder."""
    if len(name) > _MAX_NAME_LENGTH:
        problems.add(name, "is longer than the name of a file can be")
        return None
    is_absolute = name.startswith("/") or bool(PureWindowsPath(name).drive)
    parts = PurePosixPath(PureWindowsPath(name).as_posix()).parts
    # A path on the machine that made the table: what is left of it here is its end.
    starts = range(max(1, len(parts) - _MAX_DEPTH), len(parts)) if is_absolute else (0,)
    is_outside = False
    for start in starts:
        # macOS and Windows write the letters of the same name differently.
        for form in ("NFC", "NFD"):
            relative = unicodedata.normalize(form, "/".join(parts[start:]))
            try:
                path = root / relative
                real = path.resolve()
                if real.is_relative_to(root):
                    if real.is_file():
                        return real
                elif leads_into_cache(path) and path.parent.resolve().is_relative_to(root):
                    return path.parent.resolve() / path.name
                else:
                    is_outside = True
            except (OSError, ValueError, RuntimeError):  # too long, no text, links in a circle
                break
    problems.add(name, "leads outside of the folder" if is_outside else NOT_THERE)
    return None


def _code(row: Row, problems: Problems) -> str:
    """Whisper's code for the language of a row; what it does not know is a problem."""
    code = whisper_code(row.language)
    if row.language.strip() and not code:
        problems.add(
            row.language, "is no language that Whisper knows; the one that you choose is used"
        )
    return code
