"""Recordings in an uploaded archive, one at a time (`lab.core.archives`)."""

import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from lab.core.archives import ArchiveLimits, Member, open_archive
from lab.core.files import CHUNK_BYTES, SYSTEM_FILES, has_audio_suffix, printable

_LIMITS = ArchiveLimits(members=10_000, member_bytes=1 << 30, total_bytes=8 << 30)
# Written by macOS and by this program's own export.
_IGNORED_PREFIXES = ("__MACOSX/", "manifest.csv", "recipe.yaml", "metadata.csv")


@dataclass(frozen=True)
class ArchivedRecording:
    """A file in an archive of recordings.

    name: to be shown, never to be used as a path
    problem: why it is refused, a phrase; None where it can be read
    """

    name: str
    problem: str | None
    _member: Member

    def open(self) -> BinaryIO:
        """Its content as a stream, until the next one is asked for.

        Opening and reading raise `lab.core.archives.MemberError` where it is damaged.
        """
        return self._member.open()

    def read(self) -> bytes:
        """All of its content; raises as `open`."""
        content = io.BytesIO()  # whose bytes come out without a copy
        shutil.copyfileobj(self.open(), content, CHUNK_BYTES)
        return content.getvalue()


def recordings_in(
    source: str | os.PathLike[str] | BinaryIO,
    limits: ArchiveLimits = _LIMITS,
    *,
    name: str = "",
) -> Iterator[ArchivedRecording]:
    """The recordings in a zip or tar, and what is refused with the reason.

    source: a path, or a file opened for reading
    name: for messages; that of the path by default

    Folders and the files that operating systems leave behind are skipped.
    Raises ArchiveError, on iteration, if the archive cannot be read or is too large.
    """
    archive = Path(source) if isinstance(source, str | os.PathLike) else source
    with open_archive(archive, limits=limits, is_wanted=_is_wanted, name=name) as members:
        for member in members:
            problem = member.problem
            if not problem and not has_audio_suffix(member.name):
                problem = "its name does not end like that of a recording, such as .wav or .mp3"
            yield ArchivedRecording(printable(member.name), problem, member)


def _is_wanted(name: str) -> bool:
    return not name.startswith(_IGNORED_PREFIXES) and PurePosixPath(name).name not in SYSTEM_FILES
