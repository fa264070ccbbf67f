"""Where corpora come from: folders and archives, a browser, VoxLingua107; each seen as a folder."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from lab.core.errors import OptionsError
from lab.core.languages import LANGUAGES
from lab.core.progress import Progress, ignore, part
from lab.core.staging import Staging
from lab.core.workspace import Workspace, slug
from lab.dataset.store import datasets_dir
from lab.importers import Kind, Problem, Reading, place_of, recognise
from lab.importers.archives import UnpackLimits, is_archive, sketch, unpack
from lab.importers.corpora import VOXLINGUA
from lab.importers.source import whisper_code
from lab.importers.voxlingua import address_of, download

# Clips that are asked for the language of a corpus.
_ASKED = 20
_LONGEST_CODE = 3
# Parts of downloads are kept, to go on from, for so long.
_KEPT_DAYS = 7


@dataclass(frozen=True)
class OnDisk:
    """A folder or an archive on this machine; it stays as it is."""

    path: Path


@dataclass(frozen=True)
class Uploaded:
    """Files of a person, or one archive, in a folder that goes when they are imported."""

    staging: Staging

    @property
    def folder(self) -> Path:
        """Where the files are put; what it is called is shown to people."""
        return self.staging.folder / "your files"


@dataclass(frozen=True)
class VoxLingua:
    """A language of VoxLingua107, by Whisper's code."""

    language: str


Source = OnDisk | Uploaded | VoxLingua


@dataclass(frozen=True)
class Seen:
    """What a source seems to be.

    reason: why, a sentence
    language: Whisper's code; "" where the source does not say
    """

    kind: Kind
    reason: str
    language: str


def look(
    workspace: Workspace,
    source: Source,
    *,
    kind: Kind | None = None,
    on_progress: Progress = ignore,
) -> Seen:
    """See what a source is, before it is imported; raises OptionsError where it is nothing known.

    kind: what a person says that it is
    """
    if isinstance(source, VoxLingua):
        reason = f"{LANGUAGES[source.language]} is “{address_of(source.language)}”."
        return Seen(VOXLINGUA, reason, source.language)
    path = _path(source)
    if not path.is_file():
        return _seen(path, kind)
    with Staging(datasets_dir(workspace)) as staging:
        folder = staging / _stem(path)
        sketch(path, folder, on_progress=on_progress)
        return _seen(folder, kind)


@dataclass(frozen=True)
class Opened:
    """A source as a folder.

    problems: with what is no longer in it
    may_move: whether what is in it may be moved away
    on_progress: for what is still to be done
    """

    folder: Path
    problems: list[Problem]
    may_move: bool
    on_progress: Progress


@contextmanager
def opened(
    workspace: Workspace, source: Source, limits: UnpackLimits | None, on_progress: Progress
) -> Iterator[Opened]:
    """A source as a folder, fetched and unpacked as it needs; what that took is gone afterwards.

    limits: of archives
    Raises LabError.
    """
    if isinstance(source, VoxLingua):
        language = source.language
        with (
            _downloaded(workspace, language, part(on_progress, 0, 3)) as archive,
            _unpacked(workspace, archive, language, limits, on_progress, 1, 3) as found,
        ):
            yield found
        return
    path = _path(source)
    if path.is_file():
        with _unpacked(workspace, path, _stem(path), limits, on_progress, 0, 2) as found:
            yield found
    else:
        yield Opened(path, [], isinstance(source, Uploaded), on_progress)


@contextmanager
def _unpacked(
    workspace: Workspace,
    archive: Path,
    inside: str,
    limits: UnpackLimits | None,
    on_progress: Progress,
    step: int,
    n_steps: int,
) -> Iterator[Opened]:
    """An archive in a folder of ours. inside: the name of another one around what is in it."""
    with Staging(datasets_dir(workspace)) as staging:
        problems = unpack(
            archive,
            staging / inside,
            limits=limits,
            on_progress=part(on_progress, step, n_steps),
        )
        yield Opened(staging, problems, True, part(on_progress, step + 1, n_steps))


@contextmanager
def _downloaded(workspace: Workspace, language: str, on_progress: Progress) -> Iterator[Path]:
    """The zip of a language; it is kept until it was imported, since it can take hours to come."""
    folder = datasets_dir(workspace) / ".downloads"
    _remove_old(folder)
    archive = folder / f"voxlingua107-{language}.zip"
    if not archive.is_file():
        download(language, archive, on_progress=on_progress)
    yield archive
    archive.unlink(missing_ok=True)


def _remove_old(folder: Path) -> None:
    oldest = time.time() - _KEPT_DAYS * 24 * 3600
    for path in folder.glob("*"):
        with suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _path(source: OnDisk | Uploaded) -> Path:
    """The folder or the archive of a source; raises OptionsError where there is none."""
    if isinstance(source, OnDisk):
        if not source.path.exists():
            raise OptionsError(
                f"“{source.path.name}” is no folder and no archive. Choose the folder of a corpus, "
                "or a zip or tar of it."
            )
        return source.path
    files = list(source.folder.iterdir())
    is_alone = len(files) == 1 and is_archive(files[0].name) and files[0].is_file()
    return files[0] if is_alone else source.folder


def _seen(folder: Path, kind: Kind | None) -> Seen:
    if kind is None:
        found = recognise(folder)
        return Seen(found.kind, found.reason, _language_of(found.folder, found.kind))
    return Seen(kind, kind.about, _language_of(place_of(kind, folder), kind))


def _language_of(folder: Path, kind: Kind) -> str:
    """What the first clips of a corpus say, or the name of its folder, which may be a code."""
    languages = {clip.language for clip in islice(Reading(folder, kind), _ASKED)} - {""}
    if len(languages) == 1:
        return languages.pop()
    is_code = not languages and len(folder.name) <= _LONGEST_CODE
    return whisper_code(folder.name) if is_code else ""


def _stem(archive: Path) -> str:
    """What an archive is called, for the folder that it is unpacked into."""
    return slug(archive.name.split(".")[0]) or "archive"
