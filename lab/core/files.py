"""Untrusted files: safe names for use and display, and copying streams to disk."""

import csv
import hashlib
import io
import os
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import BinaryIO

from lab.core.errors import disk_errors

# Extensions of the files that `lab.audio` reads; the content decides what a file really is.
AUDIO_SUFFIXES = frozenset({
    ".wav", ".w64", ".aif", ".aiff", ".caf", ".au", ".flac", ".mp3", ".aac", ".amr", ".g722",
    ".ogg", ".oga", ".opus", ".mov", ".mp4", ".m4a", ".mkv", ".mka", ".webm", ".wma", ".asf",
    ".avi", ".mpg", ".mpeg", ".ts", ".3gp",
})  # fmt: skip
SYSTEM_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})  # of macOS and Windows

CHUNK_BYTES = 1 << 20
_MAX_PART_BYTES, _MAX_PATH_CHARACTERS, _MAX_DEPTH = 255, 1024, 20


class UnsafeNameError(Exception):
    """A name cannot be used below a folder; the message is a phrase for people."""


def has_audio_suffix(name: str | PurePath) -> bool:
    return PurePath(name).suffix.lower() in AUDIO_SUFFIXES


def printable(name: str) -> str:
    """The last 200 characters of a name, with unprintable ones replaced, for display."""
    return "".join(char if char.isprintable() else "�" for char in name)[-200:]


def path_parts(name: str) -> list[str]:
    """Split a name into folders and file name, with slashes or backslashes."""
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def safe_path(name: str) -> PurePosixPath:
    """Turn a name into a relative path; raises UnsafeNameError.

    Only control characters and unpaired surrogates are replaced, so that tables still match.
    """
    parts = path_parts(name)
    if name.startswith(("/", "\\")) or name[1:2] == ":" or ".." in parts:
        raise UnsafeNameError("its name points outside the folder")
    parts = [
        "".join("_" if unicodedata.category(char) in ("Cc", "Cs") else char for char in part)
        for part in parts
    ]
    if (
        not parts
        or len(parts) > _MAX_DEPTH
        or sum(map(len, parts)) > _MAX_PATH_CHARACTERS
        or any(len(part.encode()) > _MAX_PART_BYTES for part in parts)
    ):
        raise UnsafeNameError("its name is empty or longer than a file name can be")
    return PurePosixPath(*parts)


def text_encoding(start: bytes) -> str:
    """Return the encoding of a text file, UTF-8 or UTF-16, from its first bytes."""
    return "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def gigabytes(n_bytes: float) -> str:
    return f"{n_bytes / (1 << 30):.1f} GB"


def csv_text(rows: Iterable[Iterable[object]], *, line_end: str = "\r\n") -> str:
    """Format rows as CSV."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end).writerows(rows)
    return text.getvalue()


@dataclass(frozen=True)
class HashedCopy:
    """A copy of a stream. sha256: hexadecimal digest of its content."""

    path: Path
    sha256: str
    size_bytes: int


@contextmanager
def hashed_copy(source: bytes | BinaryIO, folder: Path) -> Iterator[HashedCopy]:
    """Copy a stream in chunks to a hidden file in `folder`, and hash it on the way.

    Move the file to its final place within the `with` block; otherwise it is removed.
    Raises WorkspaceError if writing fails, and whatever reading `source` raises.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    path = folder / f".{secrets.token_hex(8)}.part"
    digest, size_bytes = hashlib.sha256(), 0
    try:
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                while chunk := stream.read(CHUNK_BYTES):
                    file.write(chunk)
                    digest.update(chunk)
                    size_bytes += len(chunk)
                file.flush()
                os.fsync(file.fileno())
            yield HashedCopy(path, digest.hexdigest(), size_bytes)
    finally:
        with suppress(OSError):  # moved, or never written
            path.unlink()
