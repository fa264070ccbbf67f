"""Speech corpora in the layouts of others: detect the format of a folder, then read its clips.

corpus = detect_format(folder)      # the person confirms the format or chooses another
reader = CorpusReader(corpus.folder, corpus.format)
for clip in reader: ...             # lazily
reader.problems                     # of what has been read so far
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from lab.core.errors import OptionsError, check_choice
from lab.importers.corpora import COMMON_VOICE, FLEURS, LJSPEECH, VOXLINGUA
from lab.importers.plain import PAIRS, TRANSCRIPT
from lab.importers.source import CorpusClip, CorpusFormat, ImportProblem, ProblemLog, read_clips
from lab.importers.toolkits import AUDIOFOLDER, KALDI, NEMO

__all__ = [
    "CORPUS_FORMATS", "CorpusClip", "CorpusFormat", "CorpusReader", "DetectedCorpus",
    "ImportProblem", "UnknownCorpusError", "detect_format", "find_corpus", "get_format",
]  # fmt: skip

# In the order in which a folder is compared with them: those hardest to mistake come first.
CORPUS_FORMATS = (
    *(AUDIOFOLDER, COMMON_VOICE, FLEURS, LJSPEECH, NEMO, KALDI, PAIRS, TRANSCRIPT),
    VOXLINGUA,
)

# How far below the chosen folder a corpus is searched for: archives often wrap it in some folders.
_MAX_DEPTH = 3
_MAX_FOLDERS_PER_LEVEL = 200


@dataclass(frozen=True)
class DetectedCorpus:
    """The format that a folder seems to have.

    folder: the corpus, either the searched folder or one below it
    reason: a sentence
    """

    folder: Path
    format: CorpusFormat
    reason: str


class UnknownCorpusError(OptionsError):
    """A folder matches none of the formats; the person may still know which one it is."""


def detect_format(folder: Path) -> DetectedCorpus:
    """Detect the format of a corpus in the folder or up to three levels below it.

    Only the first lines of tables are read.
    Raises UnknownCorpusError if no format matches, and OptionsError if `folder` is not a folder or
    holds several corpora.
    """
    _check_folder(folder)
    root = folder.resolve()
    try:
        # The last format is easy to mistake (folders named by languages may be of Common Voice),
        # so all others are tried on all levels before it.
        for formats in (CORPUS_FORMATS[:-1], CORPUS_FORMATS[-1:]):
            for level in _levels(root):
                if found := [corpus for path in level if (corpus := _detect(path, root, formats))]:
                    return _only(found, root)
    except OSError as error:
        raise OptionsError(f"“{folder.name}” cannot be read ({error.strerror}).") from error
    raise UnknownCorpusError(
        f"“{folder.name}” has none of the known formats. Choose the folder that holds the table or "
        "the texts, or arrange it as one of these: "
        + "; ".join(known.description for known in CORPUS_FORMATS)
        + "."
    )


def find_corpus(corpus_format: CorpusFormat, folder: Path) -> Path:
    """The first folder of this format, in or below `folder`; without a match, `folder` itself.

    Raises OptionsError if it is not a folder.
    """
    _check_folder(folder)
    folders = chain.from_iterable(_levels(folder.resolve()))
    return next(filter(corpus_format.detect, folders), folder)


def get_format(name: str) -> CorpusFormat:
    """Look up a format by name; raises OptionsError that lists all names."""
    by_name = {known.name: known for known in CORPUS_FORMATS}
    check_choice("corpus format", name, by_name)
    return by_name[name]


class CorpusReader:
    """The clips of a corpus; each iteration reads it anew.

    Raises OptionsError if the folder cannot be read in this format.
    """

    def __init__(self, folder: Path, corpus_format: CorpusFormat) -> None:
        _check_folder(folder)
        self.folder, self.format = folder, corpus_format
        self._problems = ProblemLog()

    def __iter__(self) -> Iterator[CorpusClip]:
        self._problems = ProblemLog()
        return read_clips(self.format, self.folder, self._problems)

    @property
    def problems(self) -> list[ImportProblem]:
        """The problems found by the latest iteration so far, without duplicates."""
        return self._problems.all()


def _levels(root: Path) -> Iterator[list[Path]]:
    """The folder itself, then the folders in it, then those in these, and so on."""
    level = [root]
    for _ in range(_MAX_DEPTH + 1):
        yield level
        subfolders = (
            path
            for folder in level
            for path in sorted(folder.iterdir())
            if path.is_dir() and not path.is_symlink() and not path.name.startswith((".", "__"))
        )
        level = list(islice(subfolders, _MAX_FOLDERS_PER_LEVEL))


def _detect(folder: Path, root: Path, formats: Sequence[CorpusFormat]) -> DetectedCorpus | None:
    for candidate in formats:
        if reason := candidate.detect(folder):
            if folder != root:
                reason = f"In “{folder.relative_to(root).as_posix()}”: {reason}"
            return DetectedCorpus(folder, candidate, reason)
    return None


def _only(found: list[DetectedCorpus], root: Path) -> DetectedCorpus:
    if len(found) > 1:
        names = ", ".join(f"“{corpus.folder.relative_to(root).as_posix()}”" for corpus in found[:5])
        raise OptionsError(
            f"“{root.name}” holds {len(found)} corpora: {names}{' …' if len(found) > 5 else ''}. "
            "Import them one by one."
        )
    return found[0]


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise OptionsError(f"“{folder.name}” is not a folder. Choose the folder of a corpus.")
