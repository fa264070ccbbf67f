"""Recordings in an uploaded archive, one at a time (`lab.core.archives`)."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from lab.core.archives import ArchiveLimits, Member, open_archive
from lab.core.files import SYSTEM_FILES, has_audio_suffix, printable

_LIMITS = ArchiveLimits(members=10_000, member_bytes=1 << 30, total_bytes=8 << 30)
# Written by macOS and by this program's own export.
_IGNORED_PREFIXES = ("__MACOSX/", "manifest.csv", "recipe.yaml", "metadata.csv")


def recordings_in(
    source: str | os.PathLike[str] | BinaryIO, limits: ArchiveLimits = _LIMITS, *, name: str = ""
) -> Iterator[Member]:
    """Yield the recordings in a zip or tar, and what is refused with the reason.

    Their names are shortened for display. A member can be read until the next one is requested.

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
            yield replace(member, name=printable(member.name), problem=problem)


def _is_wanted(name: str) -> bool:
    return not name.startswith(_IGNORED_PREFIXES) and PurePosixPath(name).name not in SYSTEM_FILES
