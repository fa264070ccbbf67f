"""Unpacking corpora from archives (`lab.core.archives`): audio files, tables and texts only."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from operator import attrgetter
from pathlib import Path, PurePosixPath

from lab.core.archives import ARCHIVE_SUFFIXES, ArchiveLimits, Member, MemberError, open_archive
from lab.core.errors import disk_errors
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
    n_bytes: Callable[[Member], int | None] = attrgetter("size_bytes"),
    on_progress: Progress = ignore,
) -> list[ImportProblem]:
    """Unpack the audio files and the texts of an archive into the empty folder `target`.

    n_bytes: returns how much of a member to unpack, by default all; None to skip it
    on_progress: called with the share of the archive that is done; raising `Cancelled` stops

    Returns the files that were refused. Hidden files, and what is neither audio nor text, are
    skipped silently.
    Raises ArchiveError if the archive cannot be read or is too large, and WorkspaceError if
    writing fails; what was unpacked until then stays in `target`.
    """
    limits = limits or ArchiveLimits()
    with disk_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        free_bytes = shutil.disk_usage(target).free - limits.spare_bytes
    limits = replace(limits, total_bytes=min(limits.total_bytes, free_bytes))
    problems = ProblemLog()
    with open_archive(archive, limits=limits, is_wanted=_is_wanted) as members:
        for member in members:
            report = partial(on_progress, member.progress, 1, "Unpacking")
            report()
            try:
                if member.problem:
                    raise MemberError(member.problem)
                if (n := n_bytes(member)) is not None:
                    _write(member, target / member.path, n, report)
            except MemberError as error:
                problems.add(member.name, str(error))
    return problems.all()


def sketch(archive: Path, target: Path, *, on_progress: Progress = ignore) -> None:
    """Unpack only what `detect_format` needs: the texts, and empty files in place of audio.

    Takes a moment for a zip of many gigabytes. Raises as `unpack`.
    """
    n_audio = count(1)

    def n_bytes(member: Member) -> int | None:
        if has_audio_suffix(member.name):
            return 0 if next(n_audio) <= _SKETCH_AUDIO_FILES else None
        return min(member.size_bytes, _SKETCH_TEXT_BYTES)

    unpack(archive, target, n_bytes=n_bytes, on_progress=on_progress)


def _is_wanted(name: str) -> bool:
    parts = path_parts(name)
    if not parts or parts[0] == "__MACOSX" or any(p.startswith(".") and p != ".." for p in parts):
        return False
    name = parts[-1]
    has_wanted_suffix = PurePosixPath(name).suffix.lower() in _WANTED_SUFFIXES
    return name not in SYSTEM_FILES and (has_wanted_suffix or name in _TEXT_NAMES)


def _write(member: Member, path: Path, n_bytes: int, on_chunk: Callable[[], None]) -> None:
    """Write at most `n_bytes` of a member to a new file.

    Raises MemberError where it is damaged or such a file exists, and leaves nothing of it.
    """
    with disk_errors(path):  # damage in the archive raises MemberError
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("xb")
        except (FileExistsError, NotADirectoryError):
            raise MemberError("occurs more than once; the first one is used") from None
        try:
            with file:
                if n_bytes:
                    with member.open() as content:
                        while n_bytes > 0 and (chunk := content.read(min(n_bytes, CHUNK_BYTES))):
                            n_bytes -= file.write(chunk)
                            on_chunk()
        except MemberError:
            path.unlink()
            raise
