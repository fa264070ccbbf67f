"""Corpora that others have laid out: recognised by looking, then read clip by clip.

seen = recognise(folder)                  # what it seems to be and why; the person confirms
reading = Reading(folder, seen.kind)
for clip in reading: ...                  # lazily
reading.problems                          # of all that was read until then
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.errors import OptionsError
from lab.importers.audiofolder import AUDIOFOLDER
from lab.importers.corpora import COMMON_VOICE, FLEURS, LJSPEECH, VOXLINGUA
from lab.importers.plain import PAIRS, TRANSCRIPT
from lab.importers.source import Clip, Kind, Problem, Problems, clips
from lab.importers.toolkits import KALDI, NEMO

__all__ = ["KINDS", "Clip", "Kind", "Problem", "Reading", "Recognised", "kind_named", "recognise"]

# In the order in which a folder is compared with them: what is hard to mistake comes first.
KINDS = (AUDIOFOLDER, COMMON_VOICE, FLEURS, LJSPEECH, NEMO, KALDI, PAIRS, TRANSCRIPT, VOXLINGUA)


@dataclass(frozen=True)
class Recognised:
    """What a folder seems to be, and a sentence that says why."""

    kind: Kind
    reason: str


def recognise(folder: Path) -> Recognised:
    """See what kind of corpus a folder is; nothing but the beginnings of its tables is read.

    Raises OptionsError where it is no folder, or of no kind that is known.
    """
    _check(folder)
    root = folder.resolve()
    try:
        for kind in KINDS:
            if reason := kind.recognise(root):
                return Recognised(kind, reason)
    except OSError as error:
        raise OptionsError(f"“{folder.name}” cannot be read ({error.strerror}).") from error
    raise OptionsError(
        f"“{folder.name}” looks like no corpus that is known here. Choose the folder that holds "
        "the table or the texts, or lay it out as one of these: "
        + "; ".join(kind.about for kind in KINDS)
        + "."
    )


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
