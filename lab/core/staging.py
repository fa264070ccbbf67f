"""Hidden folders for what is on its way into the workspace.

Each is held by a lock for as long as somebody needs it. A process that is killed lets go of its
locks and leaves its folders; the next one that works at the same place removes them.
"""

import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from lab.core.errors import disk_error

_PREFIX = ".import-"
_LOCK_ENDING = ".lock"


class Staging:
    """A new folder, `folder`, that is there until `remove` is called or the process ends.

    It may be removed by another thread than the one that made it. Raises WorkspaceError when the
    disk refuses.
    """

    def __init__(self, parent: Path) -> None:
        self.folder = parent / f"{_PREFIX}{secrets.token_hex(6)}"
        # Beside the folder, and held before that is there: nobody can take it for a leftover.
        self._lock = FileLock(f"{self.folder}{_LOCK_ENDING}", thread_local=False)
        try:
            parent.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(parent)
            self._lock.acquire(timeout=0)
            self.folder.mkdir()
        except OSError as error:
            self._lock.release()
            raise disk_error(parent, error) from error

    def remove(self) -> None:
        """Remove the folder with all that is in it; a second time does no harm."""
        if self._lock.is_locked:
            _remove(self.folder)
            self._lock.release()

    def __enter__(self) -> Path:
        return self.folder

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.remove()


def _remove_leftovers(parent: Path) -> None:
    for lock_path in parent.glob(f"{_PREFIX}*{_LOCK_ENDING}"):
        with suppress(Timeout, OSError), FileLock(lock_path, timeout=0):
            _remove(Path(str(lock_path).removesuffix(_LOCK_ENDING)))


def _remove(folder: Path) -> None:
    """Remove a folder and its lock file, by whoever holds the lock."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        Path(f"{folder}{_LOCK_ENDING}").unlink()
