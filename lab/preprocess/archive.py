"""Recordings out of a zip that nobody has looked at yet.

No name in it ever becomes a path, and what it says of its sizes is not believed.
"""

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from lab.core.errors import AudioError

# The kinds of files that `lab.audio` reads; which one a file really is, its content tells.
# fmt: off
SUFFIXES = frozenset({
    ".wav", ".w64", ".aif", ".aiff", ".caf", ".au", ".flac", ".mp3", ".aac", ".amr", ".g722",
    ".ogg", ".oga", ".opus", ".mov", ".mp4", ".m4a", ".mkv", ".mka", ".webm", ".wma", ".asf",
    ".avi", ".mpg", ".mpeg", ".ts", ".3gp",
})
ARCHIVES = frozenset({".zip", ".7z", ".rar", ".gz", ".tgz", ".bz2", ".xz", ".tar", ".zst"})
# fmt: on
# What macOS, Windows and our own export put beside the recordings.
_BESIDE = ("__MACOSX/", "manifest.csv", "recipe.yaml", "metadata.csv")
BESIDE_NAMES = (".DS_Store", "Thumbs.db", "desktop.ini")

# What zipfile raises, ValueError for names that are no text and RuntimeError for unknown features.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)

_ENCRYPTED = 0x1
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class ZipLimits:
    """What is read at most.

    members: files in the zip, whatever they are
    member_bytes, total_bytes: unpacked
    ratio: unpacked to packed, of what is larger than 1 MB; digital silence in WAV reaches 1000,
        recorded sound 2 or 3
    """

    members: int = 10_000
    member_bytes: int = 1 << 30
    total_bytes: int = 8 << 30
    ratio: float = 100.0


@dataclass(frozen=True)
class ZipMember:
    """A file in a zip.

    name: to be shown, never to be used as a path
    content: its bytes; empty where it is refused
    problem: why it is refused, else None
    """

    name: str
    content: bytes = b""
    problem: str | None = None


class _RefusedError(Exception):
    """One member cannot be used; the message says why."""


def read_zip(
    source: str | os.PathLike[str] | BinaryIO, limits: ZipLimits | None = None, *, name: str = ""
) -> Iterator[ZipMember]:
    """Give the recordings in a zip one by one, and what is refused with the reason.

    source: a path, or a file that is open
    name: for messages; of a path it is the last part unless given

    Folders and what systems leave beside the files are passed over. Where the zip as a whole
    becomes too much, the last member given says so.

    Raises AudioError if it is no zip or has too many files.
    """
    limits = limits or ZipLimits()
    title = name or (Path(source).name if isinstance(source, str | os.PathLike) else "The zip")
    try:
        archive = zipfile.ZipFile(source)
    except DAMAGED as error:
        raise AudioError(
            f"“{title}” cannot be read as a zip ({error}). Pack or upload it again."
        ) from error
    with archive:
        members = archive.infolist()
        if len(members) > limits.members:
            raise AudioError(
                f"“{title}” holds {len(members)} files; at most {limits.members} are read. "
                "Pack the recordings into several zips."
            )
        left = limits.total_bytes
        for member in members:
            # Not `member.is_dir()`, which fails where the name is empty.
            if member.filename.endswith("/") or _is_beside(member.filename):
                continue
            try:
                content = _content(archive, member, limits, left)
            except _RefusedError as refusal:
                yield ZipMember(shown(member.filename), problem=str(refusal))
                continue
            left -= len(content)
            yield ZipMember(shown(member.filename), content)
            del content  # else it takes its memory beside that of the next


def _content(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: ZipLimits, left: int
) -> bytes:
    """The bytes of a member; raises _RefusedError."""
    if reason := refusal(member):
        raise _RefusedError(reason)
    if PurePosixPath(member.filename).suffix.lower() not in SUFFIXES:
        raise _RefusedError("its name does not end like that of a recording, such as .wav or .mp3")
    allowed = min(limits.member_bytes, left)
    if member.file_size > _CHUNK_BYTES:
        # Digital silence aside, only what was made to fill a disk shrinks so far.
        allowed = min(allowed, max(int(limits.ratio * member.compress_size), _CHUNK_BYTES))
    if member.file_size > allowed:
        raise _RefusedError(_too_large(limits, left))
    content = io.BytesIO()  # whose bytes come out without a copy
    try:
        with archive.open(member) as file:
            while chunk := file.read(_CHUNK_BYTES):
                content.write(chunk)
                if content.tell() > allowed:
                    raise _RefusedError(_too_large(limits, left))
    except DAMAGED as error:
        raise _RefusedError(f"it is damaged ({error}); pack it again") from error
    return content.getvalue()


def refusal(member: zipfile.ZipInfo) -> str | None:
    """Why a file of a zip is not unpacked, whatever is in it; None where it may be."""
    if points_outside(member.filename):
        return "its name points outside the zip, as no honest program writes it"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "it is a link to another file; pack the file itself"
    if PurePosixPath(member.filename).suffix.lower() in ARCHIVES:
        return "it is an archive inside the zip; unpack it first"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "it is packed in an unusual way; pack it as an ordinary zip"
    if is_encrypted(member):
        return "it is encrypted; pack it without a password"
    return None


def is_encrypted(member: zipfile.ZipInfo) -> bool:
    return bool(member.flag_bits & _ENCRYPTED)


def points_outside(name: str) -> bool:
    """Whether the name of a file in an archive leads to another place than where it is unpacked."""
    return (
        name.startswith(("/", "\\"))
        or name[1:2] == ":"
        or ".." in name.replace("\\", "/").split("/")
    )


def _too_large(limits: ZipLimits, left: int) -> str:
    return (
        f"unpacked it is too large: allowed are {gigabytes(limits.member_bytes)} for a file, "
        f"{gigabytes(limits.total_bytes)} for all ({gigabytes(left)} are left), and "
        f"{limits.ratio:g} times its packed size"
    )


def gigabytes(n_bytes: float) -> str:
    return f"{n_bytes / (1 << 30):.1f} GB"


def _is_beside(name: str) -> bool:
    return name.startswith(_BESIDE) or PurePosixPath(name).name in BESIDE_NAMES


def shown(name: str) -> str:
    """A name without what could upset a terminal or a page."""
    return "".join(char if char.isprintable() else "�" for char in name)[-200:]
