"""Reading zip and tar archives that may be hostile.

Nothing that an archive says is trusted: names must stay below the folder, links and devices are
refused, no file gives more bytes than it declares, and what all of them declare is limited.
"""

import bz2
import gzip
import io
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from lab.core.errors import LabError
from lab.core.files import CHUNK_BYTES, UnsafeNameError, gigabytes, safe_path

ARCHIVE_SUFFIXES = frozenset({
    ".zip", ".7z", ".rar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".tar", ".zst",
})  # fmt: skip
# What the standard library raises: ValueError for names that are not text, RuntimeError for
# unknown features.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    OverflowError,
)  # fmt: skip
_ENCRYPTED = 0x1
_ALWAYS_ALLOWED_BYTES = 100 << 20
_MAX_HEADER_BYTES = 16 << 20  # of one file in a tar, which Python reads in one go
_SPLIT_IT = "Unpack it yourself and choose the folder, or split it into smaller archives."


class ArchiveError(LabError):
    """An archive cannot be read or exceeds a limit."""


class MemberError(LabError):
    """One file in an archive cannot be read; the message is a phrase."""


@dataclass(frozen=True)
class ArchiveLimits:
    """Limits for reading an archive.

    members: number of entries of any type
    member_bytes, total_bytes: unpacked size of a file, and of all wanted files
    ratio: unpacked size of all wanted files to the size of the archive, if they exceed 100 MB;
        text reaches 10, digital silence in WAV 1000
    spare_bytes: space that must stay free on the disk when unpacking to it
    """

    members: int = 1_000_000
    member_bytes: int = 4 << 30
    total_bytes: int = 500 << 30
    ratio: float = 100.0
    spare_bytes: int = 1 << 30


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    name: as stored in the archive, never to be used as a path
    size_bytes: declared unpacked size; reading stops there
    progress: position in the archive, 0 to 1
    problem: why it is refused, a phrase; None if it is accepted
    """

    name: str
    size_bytes: int
    progress: float
    problem: str | None
    _open: Callable[[], IO[bytes]]

    def open(self) -> BinaryIO:
        """Open its content as a stream; opening and reading raise MemberError if it is damaged."""
        with _damage_reported():
            return cast(BinaryIO, _MemberFile(self._open()))

    def read(self) -> bytes:
        """Return all of its content; raises as `open`."""
        content = io.BytesIO()  # whose bytes come out without a copy
        shutil.copyfileobj(self.open(), content, CHUNK_BYTES)
        return content.getvalue()

    @property
    def path(self) -> PurePosixPath:
        """A safe relative path to unpack an accepted member to."""
        return safe_path(self.name)


@contextmanager
def open_archive(
    source: Path | BinaryIO,
    *,
    limits: ArchiveLimits,
    is_wanted: Callable[[str], bool],
    name: str = "",
) -> Iterator[Iterator[Member]]:
    """Open a zip or tar (plain, gzip or bzip2), detected by content, and yield its members.

    is_wanted: returns whether to yield the file with this name; folders are always skipped
    name: of the archive, for messages; by default that of the path

    Raises ArchiveError, also during iteration, if it cannot be read or exceeds the limits.
    """
    name = name or (source.name if isinstance(source, Path) else "The archive")
    try:
        with ExitStack() as stack:
            file = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
            size_bytes = max(file.seek(0, os.SEEK_END), 1)
            file.seek(0)
            start = file.read(4)
            file.seek(0)
            if start[:2] == b"PK":
                zipped = stack.enter_context(zipfile.ZipFile(file))
                members = _zip_members(zipped, name, size_bytes, limits)
            else:
                plain = cast(BinaryIO, _BoundedReads(_decompressed(file, start)))
                tar = stack.enter_context(tarfile.open(fileobj=plain, mode="r:"))
                members = _tar_members(tar, file, size_bytes)
            yield _checked(members, name, size_bytes, limits, is_wanted)
    except _DAMAGE as error:
        raise ArchiveError(
            f"“{name}” cannot be read as a zip or tar ({error}). It is damaged, incomplete or of "
            "another type: download or pack it again."
        ) from error


def _checked(
    members: Iterator[Member],
    name: str,
    size_bytes: int,
    limits: ArchiveLimits,
    is_wanted: Callable[[str], bool],
) -> Iterator[Member]:
    """Yield the wanted members with their problems; the name of a folder ends with a slash."""
    allowed = min(limits.total_bytes, max(int(limits.ratio * size_bytes), _ALWAYS_ALLOWED_BYTES))
    declared = 0
    for number, member in enumerate(members, start=1):
        if number > limits.members:
            raise _too_many(name, limits)
        if member.name.endswith("/") or not is_wanted(member.name):
            continue
        problem = member.problem or _problem(member, limits)
        if not problem:
            declared += member.size_bytes
            if declared > allowed:
                raise ArchiveError(
                    f"“{name}” unpacks to more than {gigabytes(max(allowed, 0))}: more than there "
                    f"is room for, or far more than its own size suggests. {_SPLIT_IT}"
                )
        yield replace(member, problem=problem)


def _too_many(name: str, limits: ArchiveLimits) -> ArchiveError:
    return ArchiveError(f"“{name}” holds more than {limits.members} files. {_SPLIT_IT}")


def _problem(member: Member, limits: ArchiveLimits) -> str | None:
    if PurePosixPath(member.name).suffix.lower() in ARCHIVE_SUFFIXES:
        return "it is an archive inside the archive; unpack it first"
    if member.size_bytes > limits.member_bytes:
        return (
            f"it unpacks to {gigabytes(member.size_bytes)}, and at most "
            f"{gigabytes(limits.member_bytes)} are allowed per file"
        )
    try:
        safe_path(member.name)
    except UnsafeNameError as error:
        return str(error)
    return None


def _zip_members(
    packed: zipfile.ZipFile, name: str, size_bytes: int, limits: ArchiveLimits
) -> Iterator[Member]:
    members = packed.infolist()
    if len(members) > limits.members:
        raise _too_many(name, limits)
    if members and all(member.flag_bits & _ENCRYPTED for member in members):
        raise ArchiveError(
            f"“{name}” is protected by a password. Unpack it yourself and choose the folder, or "
            "pack it without a password."
        )
    offset_bytes = 0
    for member in members:
        problem = None
        if stat.S_ISLNK(member.external_attr >> 16):
            problem = "it is a link to another file; pack the file itself"
        elif member.flag_bits & _ENCRYPTED:
            problem = "it is encrypted; pack it without a password"
        elif member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            problem = "its compression is not supported; pack it as an ordinary zip"
        progress = min(offset_bytes / size_bytes, 1.0)
        content = partial(packed.open, member)
        yield Member(_name_in_zip(member), member.file_size, progress, problem, content)
        offset_bytes += member.compress_size


def _name_in_zip(member: zipfile.ZipInfo) -> str:
    """Decode a name: macOS writes UTF-8 without a flag, which Python reads as code page 437."""
    with suppress(UnicodeError):
        return member.filename.encode("cp437").decode()
    return member.filename


def _tar_members(packed: tarfile.TarFile, file: BinaryIO, size_bytes: int) -> Iterator[Member]:
    while member := packed.next():
        packed.members = []  # type: ignore[attr-defined]  # else all stay in memory
        is_file = member.isreg() and not member.issparse()
        problem = None if is_file else "it is a link or a device; pack the file itself"
        progress = min(file.tell() / size_bytes, 1.0)
        # None only for what is not a file.
        content = partial(cast(Callable[..., IO[bytes]], packed.extractfile), member)
        name = f"{member.name}/" if member.isdir() else member.name
        yield Member(name, member.size, progress, problem, content)


def _decompressed(file: BinaryIO, start: bytes) -> BinaryIO:
    """Decompress a tar, whose compression its first bytes tell."""
    if start.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    if start.startswith(b"BZh"):
        return cast(BinaryIO, bz2.BZ2File(file))
    return file


class _BoundedReads(io.RawIOBase):
    """A tar that never returns more at once than a header needs, whatever size is declared."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


class _MemberFile(io.RawIOBase):
    """The content of a member, which raises MemberError if it is damaged."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        with _damage_reported():
            return self._file.read(size)

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def _damage_reported() -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise MemberError(f"it is damaged ({error}); pack it again") from error
