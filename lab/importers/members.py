"""The files in a zip or tar, one by one, as the archive itself tells of them."""

import bz2
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, cast

from lab.core.errors import OptionsError
from lab.preprocess.archive import DAMAGED, is_encrypted, points_outside, refusal

_MAX_HEADER_BYTES = 16 << 20  # of a tar: what it says of one file; Python reads that at once
_TAR_DAMAGED = (*DAMAGED, tarfile.TarError, OverflowError)


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    packed_bytes: how much of the archive lies before it
    refusal: why it cannot be unpacked; None where it can
    """

    name: str
    n_bytes: int
    packed_bytes: int
    refusal: str | None
    open: Callable[[], IO[bytes]]


@contextmanager
def opened(archive: Path, *, max_members: int) -> Iterator[Iterator[Member]]:
    """The members of an archive; raises OptionsError for what cannot be read as one.

    It is told by its content, whatever its name.
    """
    try:
        with archive.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start[:2] == b"PK":
                with zipfile.ZipFile(file) as archived:
                    yield _zip_members(archived, archive, max_members)
            else:
                with tarfile.open(
                    fileobj=cast(BinaryIO, _Careful(_plain(file, start))), mode="r:"
                ) as tar:
                    yield _tar_members(tar, file, archive, max_members)
    except _TAR_DAMAGED as error:
        raise OptionsError(
            f"“{archive.name}” cannot be read as a zip or tar ({error}). It is damaged, incomplete "
            "or of another kind: download or pack it again."
        ) from error


def _zip_members(packed: zipfile.ZipFile, archive: Path, max_members: int) -> Iterator[Member]:
    members = packed.infolist()
    if len(members) > max_members:
        _refuse_number(archive, max_members)
    if any(is_encrypted(member) for member in members):
        raise OptionsError(
            f"“{archive.name}” is protected by a password. Unpack it yourself and choose the "
            "folder, or pack it without a password."
        )
    before = 0
    for member in members:
        # Not `member.is_dir()`, which fails where the name is empty.
        if not member.filename.endswith("/"):
            yield Member(
                _name_in_zip(member),
                member.file_size,
                before,
                refusal(member),
                partial(packed.open, member),
            )
        before += member.compress_size


def _name_in_zip(member: zipfile.ZipInfo) -> str:
    """macOS writes UTF-8 without saying so, and Python takes that for code page 437."""
    with suppress(UnicodeError):
        return member.filename.encode("cp437").decode()
    return member.filename


def _tar_members(
    packed: tarfile.TarFile, file: BinaryIO, archive: Path, max_members: int
) -> Iterator[Member]:
    number = 0
    while member := packed.next():
        packed.members = []  # type: ignore[attr-defined]  # else it keeps all of them
        number += 1
        if number > max_members:
            _refuse_number(archive, max_members)
        if member.isdir():
            continue
        reason = None
        if points_outside(member.name):
            reason = "its name points outside the archive, as no honest program writes it"
        elif not member.isreg() or member.issparse():
            reason = "it is a link or a device; pack the file itself"
        yield Member(
            member.name,
            member.size,
            file.tell(),
            reason,
            partial(_extracted, packed, member),
        )


def _extracted(packed: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    return cast(IO[bytes], packed.extractfile(member))  # None for what is no file only


def _plain(file: BinaryIO, start: bytes) -> BinaryIO:
    """A tar without its compression, told by how the file begins."""
    if start.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    if start.startswith(b"BZh"):
        return cast(BinaryIO, bz2.BZ2File(file))
    return file


class _Careful(io.RawIOBase):
    """A tar that never gives more at once than a header can need, whatever size it claims."""

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


def _refuse_number(archive: Path, max_members: int) -> None:
    raise OptionsError(
        f"“{archive.name}” holds more than {max_members} files. Unpack it yourself and choose "
        "the folder."
    )
