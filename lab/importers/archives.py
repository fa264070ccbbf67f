"""Corpora in archives (zip, tar, tar.gz, tar.bz2), unpacked with care (`lab.core.archives`).

Only audio files, tables and texts are unpacked.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from lab.core.archives import (
    ARCHIVE_SUFFIXES,
    ArchiveLimits,
    Member,
    MemberError,
    open_archive,
)
from lab.core.errors import disk_error
from lab.core.files import AUDIO_SUFFIXES, CHUNK_BYTES, SYSTEM_FILES, has_audio_suffix, path_parts
from lab.core.progress import Progress, ignore
from lab.importers.source import ImportProblem, ProblemLog

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2")

# The tables and texts that an importer may read; Kaldi's have no extension.
_TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".txt", ".scp"})
_TEXT_NAMES = frozenset({"text", "utt2spk", "segments"})
# Archives are not unpacked, but reported.
_WANTED_SUFFIXES = AUDIO_SUFFIXES | _TEXT_SUFFIXES | ARCHIVE_SUFFIXES

# Enough to detect the format of a corpus.
_SKETCH_AUDIO_FILES, _SKETCH_TEXT_BYTES = 20_000, 16 << 20


def is_archive(name: str) -> bool:
    """Whether a file name has the extension of an archive that can be unpacked here."""
    return name.lower().endswith(ENDINGS)


def unpack(
    archive: Path,
    target: Path,
    *,
    limits: ArchiveLimits | None = None,
    on_progress: Progress = ignore,
) -> list[ImportProblem]:
    """Unpack the audio files and the texts of an archive into the empty folder `target`.

    on_progress: called with the share of the archive that is done; raising `Cancelled` stops

    Returns the files that were refused. Hidden files, and what is neither audio nor text, are
    skipped silently.
    Raises ArchiveError if the archive cannot be read or is too large, and WorkspaceError when the
    disk refuses; what was unpacked until then stays in `target`.
    """
    problems = ProblemLog()
    with _members(archive, target, limits or ArchiveLimits(), problems, on_progress) as members:
        for member, report in members:
            with _logged(member, problems):
                _write(member, target / member.path, member.size_bytes, report)
    return problems.all()


def sketch(archive: Path, target: Path, *, on_progress: Progress = ignore) -> None:
    """Unpack only what `detect_format` needs: the texts, and empty files in place of audio.

    Takes a moment for a zip of many gigabytes. Raises as `unpack`.
    """
    n_audio, problems = 0, ProblemLog()
    with _members(archive, target, ArchiveLimits(), problems, on_progress) as members:
        for member, report in members:
            is_audio = has_audio_suffix(member.name)
            n_audio += is_audio
            if not is_audio or n_audio <= _SKETCH_AUDIO_FILES:
                n_bytes = 0 if is_audio else min(member.size_bytes, _SKETCH_TEXT_BYTES)
                with _logged(member, problems):
                    _write(member, target / member.path, n_bytes, report)


@contextmanager
def _members(
    archive: Path,
    target: Path,
    limits: ArchiveLimits,
    problems: ProblemLog,
    on_progress: Progress,
) -> Iterator[Iterator[tuple[Member, Callable[[], None]]]]:
    """The members to unpack, each with a callback that reports progress; others are logged."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        free_bytes = shutil.disk_usage(target).free - limits.spare_bytes
    except OSError as error:
        raise disk_error(target, error) from error
    limits = replace(limits, total_bytes=min(limits.total_bytes, free_bytes))

    def wanted(members: Iterator[Member]) -> Iterator[tuple[Member, Callable[[], None]]]:
        for member in members:

            def report(progress: float = member.progress) -> None:
                on_progress(progress, 1, "Unpacking")

            report()
            if member.problem:
                problems.add(member.name, member.problem)
            else:
                yield member, report

    with open_archive(archive, limits=limits, is_wanted=_is_wanted) as members:
        yield wanted(members)


def _is_wanted(name: str) -> bool:
    parts = path_parts(name)
    if not parts or parts[0] == "__MACOSX" or any(p.startswith(".") and p != ".." for p in parts):
        return False
    suffix = PurePosixPath(parts[-1]).suffix.lower()
    return parts[-1] not in SYSTEM_FILES and (
        suffix in _WANTED_SUFFIXES or parts[-1] in _TEXT_NAMES
    )


@contextmanager
def _logged(member: Member, problems: ProblemLog) -> Iterator[None]:
    try:
        yield
    except MemberError as error:
        problems.add(member.name, str(error))


def _write(member: Member, path: Path, n_bytes: int, on_chunk: Callable[[], None]) -> None:
    """Write at most `n_bytes` of a member to a new file.

    Raises MemberError where it is damaged or such a file exists, and leaves nothing of it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("xb")
    except (FileExistsError, NotADirectoryError):
        raise MemberError("occurs more than once; the first one is used") from None
    except OSError as error:
        raise disk_error(path, error) from error
    try:
        with file:
            if n_bytes:
                with member.open() as content:
                    while n_bytes > 0 and (chunk := content.read(min(n_bytes, CHUNK_BYTES))):
                        n_bytes -= file.write(chunk)
                        on_chunk()
    except OSError as error:  # damage in the archive raises MemberError
        raise disk_error(path, error) from error
    except MemberError:
        path.unlink()
        raise
