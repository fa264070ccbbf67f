"""Temporary folders in the workspace, for files that are being imported.

Each folder is locked while it is in use. A process that is killed releases its locks and leaves its
folders behind; the next one in the same place removes them.
"""

import secrets
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from lab.core.errors import WorkspaceError, disk_errors
from lab.core.workspace import remove

_PREFIX = ".import-"
_LOCK_SUFFIX = ".lock"


class Staging:
    """A new hidden folder in `parent`, which exists until `remove` is called or the process ends.

    Any thread may remove it. As a context manager it yields the folder and removes it at the end.
    Raises WorkspaceError if the folder cannot be created.
    """

    def __init__(self, parent: Path) -> None:
        self.folder = parent / f"{_PREFIX}{secrets.token_hex(6)}"
        # Acquired before the folder exists, so that no process takes that for a leftover.
        self._lock = FileLock(f"{self.folder}{_LOCK_SUFFIX}", thread_local=False)
        with disk_errors(parent):
            try:
                parent.mkdir(parents=True, exist_ok=True)
                _remove_leftovers(parent)
                self._lock.acquire(timeout=0)
                self.folder.mkdir()
            except OSError:
                self._lock.release()
                raise

    def remove(self) -> None:
        """Remove the folder and its content; calling it again has no effect."""
        if self._lock.is_locked:
            _remove(self.folder)
            self._lock.release()

    def __enter__(self) -> Path:
        return self.folder

    def __exit__(self, *_exception: object) -> None:
        self.remove()


def _remove_leftovers(parent: Path) -> None:
    for lock_path in parent.glob(f"{_PREFIX}*{_LOCK_SUFFIX}"):
        with suppress(Timeout, OSError), FileLock(lock_path, timeout=0):
            _remove(Path(str(lock_path).removesuffix(_LOCK_SUFFIX)))


def _remove(folder: Path) -> None:
    """Remove a folder and its lock file; the caller holds the lock."""
    with suppress(WorkspaceError):
        remove(folder)
    with suppress(OSError):
        Path(f"{folder}{_LOCK_SUFFIX}").unlink()
