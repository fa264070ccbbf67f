"""Importing a corpus into a dataset from a folder, an archive, uploads or VoxLingua107.

source = LocalSource(Path("cv-corpus-17.0.tar.gz"))
info = inspect_source(workspace, source)      # shown to the person, who confirms or corrects it
import_corpus(workspace, "albanian", source, corpus_format=info.format, language="sq")
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath

from lab.core.archives import ArchiveLimits
from lab.core.errors import OptionsError
from lab.core.languages import LANGUAGES
from lab.core.progress import Progress, ignore, part
from lab.core.staging import Staging
from lab.core.workspace import Workspace, slug
from lab.dataset.adding import ImportResult, import_clips, import_target
from lab.dataset.store import datasets_dir
from lab.importers import CorpusFormat, CorpusReader, ImportProblem, detect_format, find_corpus
from lab.importers.archives import is_archive, sketch, unpack
from lab.importers.corpora import VOXLINGUA
from lab.importers.source import MISSING_FILE, whisper_code
from lab.importers.voxlingua import address_of, download

_LANGUAGE_SAMPLE = 20  # clips that are read to tell the language of a corpus
_MAX_CODE_LENGTH = 3
_PARTIAL_DOWNLOAD_DAYS = 7  # after these, partial downloads are deleted


@dataclass(frozen=True)
class LocalSource:
    """A folder or an archive on this machine; it is never changed."""

    path: Path


@dataclass(frozen=True)
class UploadedSource:
    """Uploaded files, or one uploaded archive, in a folder that is removed after the import."""

    staging: Staging

    @property
    def folder(self) -> Path:
        """Where to put the files; messages show its name."""
        return self.staging.folder / "your files"


@dataclass(frozen=True)
class VoxLinguaSource:
    """A language of VoxLingua107, by Whisper's code."""

    language: str


Source = LocalSource | UploadedSource | VoxLinguaSource


@dataclass(frozen=True)
class SourceInfo:
    """The detected format and language of a source.

    reason: why it seems to have this format, a sentence
    language: Whisper's code; "" if unknown
    """

    format: CorpusFormat
    reason: str
    language: str


def inspect_source(
    workspace: Workspace,
    source: Source,
    *,
    corpus_format: CorpusFormat | None = None,
    on_progress: Progress = ignore,
) -> SourceInfo:
    """Detect the format and the language of a source before it is imported.

    corpus_format: given by the person instead of detected
    Raises OptionsError if the format is unknown, ArchiveError for an unreadable archive.
    """
    if isinstance(source, VoxLinguaSource):
        reason = f"{LANGUAGES[source.language]} is “{address_of(source.language)}”."
        return SourceInfo(VOXLINGUA, reason, source.language)
    path = _path(source)
    if not path.is_file():
        return _inspect_folder(path, corpus_format)
    with Staging(datasets_dir(workspace)) as staging:
        folder = staging / _stem(path)
        sketch(path, folder, on_progress=on_progress)
        return _inspect_folder(folder, corpus_format)


def import_corpus(
    workspace: Workspace,
    name: str,
    source: Source,
    *,
    corpus_format: CorpusFormat,
    language: str,
    limits: ArchiveLimits | None = None,
    on_progress: Progress = ignore,
) -> ImportResult:
    """Import a source into the dataset `name`, which is created if it does not exist.

    language: Whisper's code, for clips without a language of their own
    limits: of archives

    Either all clips are added or none. Raises LabError.
    """
    import_target(workspace, name, language)  # fails before anything is downloaded
    with open_source(workspace, source, limits, on_progress) as opened:
        reader = CorpusReader(find_corpus(corpus_format, opened.folder), corpus_format)
        result = import_clips(
            workspace,
            name,
            reader,
            language=language,
            may_move=opened.may_move,
            on_progress=opened.on_progress,
        )
    unexplained = _not_refused(reader.problems, opened.problems)
    problems = dict.fromkeys([*opened.problems, *unexplained, *result.problems])
    return replace(result, problems=tuple(problems))


def _not_refused(
    problems: list[ImportProblem], refused: list[ImportProblem]
) -> list[ImportProblem]:
    """The problems except files that are missing because they were refused on unpacking."""
    names: set[PurePosixPath] = set()
    for problem in refused:
        path = PurePosixPath(problem.name)
        names |= {path, *(path.relative_to(parent) for parent in path.parents)}
    return [
        problem
        for problem in problems
        if problem.reason != MISSING_FILE or PurePosixPath(problem.name) not in names
    ]


@dataclass(frozen=True)
class OpenedSource:
    """A source as a folder.

    problems: files that were refused when it was unpacked
    may_move: whether files may be moved out of the folder
    on_progress: callback for what remains to be done
    """

    folder: Path
    problems: list[ImportProblem]
    may_move: bool
    on_progress: Progress


@contextmanager
def open_source(
    workspace: Workspace, source: Source, limits: ArchiveLimits | None, on_progress: Progress
) -> Iterator[OpenedSource]:
    """Download and unpack a source as needed; temporary files are removed afterwards.

    limits: of archives
    Raises LabError.
    """
    with ExitStack() as stack:
        if isinstance(source, VoxLinguaSource):
            name, step, n_steps = source.language, 1, 3
            download = _downloaded(workspace, source.language, part(on_progress, 0, n_steps))
            path = stack.enter_context(download)
        else:
            path = _path(source)
            name, step, n_steps = _stem(path), 0, 2
        if not path.is_file():
            yield OpenedSource(path, [], isinstance(source, UploadedSource), on_progress)
            return
        staging = stack.enter_context(Staging(datasets_dir(workspace)))
        on_unpack, on_rest = (part(on_progress, i, n_steps) for i in (step, step + 1))
        problems = unpack(path, staging / name, limits=limits, on_progress=on_unpack)
        yield OpenedSource(staging, problems, True, on_rest)


@contextmanager
def _downloaded(workspace: Workspace, language: str, on_progress: Progress) -> Iterator[Path]:
    """The zip of a language, which can take hours to download: kept until it is imported."""
    folder = datasets_dir(workspace) / ".downloads"
    oldest = time.time() - _PARTIAL_DOWNLOAD_DAYS * 24 * 3600
    for path in folder.glob("*"):
        with suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()
    archive = folder / f"voxlingua107-{language}.zip"
    if not archive.is_file():
        download(language, archive, on_progress=on_progress)
    yield archive
    archive.unlink(missing_ok=True)


def _path(source: LocalSource | UploadedSource) -> Path:
    """The folder or archive of a source; raises OptionsError if it does not exist."""
    if isinstance(source, LocalSource):
        if not source.path.exists():
            raise OptionsError(
                f"“{source.path.name}” is neither a folder nor an archive. Choose the folder of a "
                "corpus, or a zip or tar of it."
            )
        return source.path
    files = list(source.folder.iterdir())
    is_single_archive = len(files) == 1 and is_archive(files[0].name) and files[0].is_file()
    return files[0] if is_single_archive else source.folder


def _inspect_folder(folder: Path, corpus_format: CorpusFormat | None) -> SourceInfo:
    if corpus_format is None:
        corpus = detect_format(folder)
        return SourceInfo(corpus.format, corpus.reason, _language_of(corpus.folder, corpus.format))
    language = _language_of(find_corpus(corpus_format, folder), corpus_format)
    return SourceInfo(corpus_format, corpus_format.description, language)


def _language_of(folder: Path, corpus_format: CorpusFormat) -> str:
    """The language of the first clips, or of the folder's name if that is a code; else ""."""
    clips = islice(CorpusReader(folder, corpus_format), _LANGUAGE_SAMPLE)
    languages = {clip.language for clip in clips} - {""}
    if len(languages) == 1:
        return languages.pop()
    is_code = not languages and len(folder.name) <= _MAX_CODE_LENGTH
    return whisper_code(folder.name) if is_code else ""


def _stem(archive: Path) -> str:
    """The name of the folder that an archive is unpacked to."""
    return slug(archive.name.split(".")[0]) or "archive"
