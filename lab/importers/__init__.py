"""Corpora that others have laid out: recognised by looking, then read clip by clip.

seen = recognise(folder)                  # what it seems to be and why; the person confirms
reading = Reading(seen.folder, seen.kind)
for clip in reading: ...                  # lazily
reading.problems                          # of all that was read until then
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.core.errors import OptionsError
from lab.importers.audiofolder import AUDIOFOLDER
from lab.importers.corpora import COMMON_VOICE, FLEURS, LJSPEECH, VOXLINGUA
from lab.importers.plain import PAIRS, TRANSCRIPT
from lab.importers.source import Clip, Kind, Problem, Problems, clips
from lab.importers.toolkits import KALDI, NEMO

__all__ = [
    "KINDS",
    "Clip",
    "Kind",
    "Problem",
    "Reading",
    "Recognised",
    "UnknownCorpusError",
    "kind_named",
    "place_of",
    "recognise",
]

# In the order in which a folder is compared with them: what is hard to mistake comes first.
KINDS = (AUDIOFOLDER, COMMON_VOICE, FLEURS, LJSPEECH, NEMO, KALDI, PAIRS, TRANSCRIPT, VOXLINGUA)

# How far below the folder that a person chose a corpus is looked for.
_MAX_DEPTH = 3
_MAX_FOLDERS = 200  # of each depth


@dataclass(frozen=True)
class Recognised:
    """What a folder seems to be, and a sentence that says why.

    folder: where it lies: the folder itself, or one in it
    """

    kind: Kind
    reason: str
    folder: Path


class UnknownCorpusError(OptionsError):
    """A folder looks like none of the kinds; a person may still know which one it is."""


def recognise(folder: Path) -> Recognised:
    """See what kind of corpus a folder is; nothing but the beginnings of its tables is read.

    Where the folder itself is none, those in it are looked at, and those in these: archives are
    often packed with some folders around what matters.

    Raises UnknownCorpusError where it is of no kind that is known, and OptionsError where it is no
    folder or holds several corpora.
    """
    _check(folder)
    root = folder.resolve()
    found: list[Recognised] = []
    try:
        # A folder that holds folders of languages may be of Common Voice as well, so that what is
        # hard to mistake is looked for everywhere before.
        for kinds in (KINDS[:-1], KINDS[-1:]):
            level = [root]
            for _ in range(_MAX_DEPTH + 1):
                found = [seen for one in level if (seen := _recognised(one, root, kinds))]
                if found:
                    return _only(found, root)
                level = [inner for one in level for inner in _folders(one)][:_MAX_FOLDERS]
    except OSError as error:
        raise OptionsError(f"“{folder.name}” cannot be read ({error.strerror}).") from error
    raise UnknownCorpusError(
        f"“{folder.name}” looks like no corpus that is known here. Choose the folder that holds "
        "the table or the texts, or lay it out as one of these: "
        + "; ".join(kind.about for kind in KINDS)
        + "."
    )


def place_of(kind: Kind, folder: Path) -> Path:
    """The folder that is of this kind: the first in or below `folder`, or else that itself.

    Raises OptionsError where it is no folder.
    """
    _check(folder)
    level = [folder.resolve()]
    for _ in range(_MAX_DEPTH + 1):
        for one in level:
            if kind.recognise(one):
                return one
        level = [inner for one in level for inner in _folders(one)][:_MAX_FOLDERS]
    return folder


def _recognised(folder: Path, root: Path, kinds: Sequence[Kind]) -> Recognised | None:
    for kind in kinds:
        if reason := kind.recognise(folder):
            if folder != root:
                reason = f"In “{folder.relative_to(root).as_posix()}”: {reason}"
            return Recognised(kind, reason, folder)
    return None


def _only(found: list[Recognised], root: Path) -> Recognised:
    if len(found) > 1:
        names = ", ".join(f"“{one.folder.relative_to(root).as_posix()}”" for one in found[:5])
        raise OptionsError(
            f"“{root.name}” holds {len(found)} corpora: {names}{' …' if len(found) > 5 else ''}. "
            "Import them one by one."
        )
    return found[0]


def _folders(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.is_symlink() and not path.name.startswith((".", "__"))
    ]


def kind_named(name: str) -> Kind:
    """The kind with this name; raises OptionsError that lists all names."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    names = ", ".join(kind.name for kind in KINDS)
    raise OptionsError(f"“{name[:40]}” is no kind of corpus; choose one of {names}.")


class Reading:
    """The clips of a folder; each iteration reads it anew.

    Raises OptionsError where the folder cannot be read as this kind.
    """

    def __init__(self, folder: Path, kind: Kind) -> None:
        _check(folder)
        self.folder, self.kind = folder, kind
        self._problems = Problems()

    def __iter__(self) -> Iterator[Clip]:
        self._problems = Problems()
        return clips(self.kind, self.folder, self._problems)

    @property
    def problems(self) -> list[Problem]:
        """What was wrong in the part that was read last, each once."""
        return self._problems.all()


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise OptionsError(f"“{folder.name}” is no folder. Choose the folder of a corpus.")
