"""Append-only text files that survive a crash in the middle of a write.

A last line without a line end was cut off by a crash. It is ignored by `complete_lines` and
overwritten by the next `append`.
"""

import os
from pathlib import Path
from typing import BinaryIO

_BLOCK_BYTES = 1 << 16


def append(path: Path, lines: bytes, *, header: bytes = b"") -> int:
    """Append lines and sync them to disk, all or none; returns the new size in bytes.

    header: written first if the file has no complete line yet

    The caller holds the lock of the dataset. Raises OSError with the file unchanged.
    """
    if not path.exists():
        path.touch()
        _sync_folder(path.parent)
    with path.open("rb+") as file:
        end = _end_of_complete_lines(file)
        file.seek(end)
        try:
            file.truncate()
            file.write(lines if end else header + lines)
            file.flush()
            os.fsync(file.fileno())
            return file.tell()
        except BaseException:
            file.truncate(end)
            raise


def complete_lines(content: bytes) -> bytes:
    """Content without a last line that was cut off."""
    return content[: content.rfind(b"\n") + 1]


def _sync_folder(folder: Path) -> None:
    """Sync a folder's list of files to disk; Windows does so automatically."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _end_of_complete_lines(file: BinaryIO) -> int:
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(end - _BLOCK_BYTES, 0)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
