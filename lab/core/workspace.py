"""The folder that holds everything a person makes, readable without this program.

recordings/ID/   what a person brought, with its transcripts (`lab.recordings`)
models/NAME.pt   checkpoints that a person brought or trained (`lab.asr.checkpoints`)

On a public server everybody has such a folder of their own below visitors/ (`lab.ui.visitors`).
"""

import json
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.core.errors import WorkspaceError, disk_error

ENVIRONMENT_VARIABLE = "LAB_WORKSPACE"
DEFAULT_ROOT = Path("workspace")
VISITORS = "visitors"
TOKEN = re.compile(r"[0-9a-f]{32}")  # what a visitor's workspace is called

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MAX_ID_LENGTH = 80
_MAX_SLUG_LENGTH = 40


@dataclass(frozen=True)
class Workspace:
    """A workspace below `root`; its folders appear when something is first put in them."""

    root: Path

    @classmethod
    def default(cls, root: str | os.PathLike[str] | None = None) -> "Workspace":
        """The workspace at `root`, else at `$LAB_WORKSPACE`, else `./workspace`."""
        chosen = Path(root or os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_ROOT)
        workspace = cls(chosen.expanduser().resolve())
        if workspace.root.exists() and not workspace.root.is_dir():
            raise WorkspaceError(
                f"The workspace {workspace.root} is a file; choose a folder "
                f"(--workspace DIR or {ENVIRONMENT_VARIABLE})."
            )
        return workspace

    @property
    def recordings_dir(self) -> Path:
        return self.root / "recordings"

    @property
    def models_dir(self) -> Path:
        return self.root / "models"

    @property
    def visitors_dir(self) -> Path | None:
        """Where it stands beside those of the other visitors of a public server, if it does."""
        folder = self.root.parent
        return folder if folder.name == VISITORS and TOKEN.fullmatch(self.root.name) else None

    def size_bytes(self) -> int:
        """Bytes of all files below the workspace, 0 where there is none yet."""
        total = 0
        for path in self.root.rglob("*"):
            # What a job is writing, or another tab deletes, may be gone by the time it is measured.
            with suppress(FileNotFoundError):
                total += path.stat().st_size if path.is_file() else 0
        return total


def slug(name: str) -> str:
    """What is left of `name` in a-z, 0-9 and single dashes, at most 40 characters; may be empty.

    A person recognises their file by it in the folder; nothing of a hostile name survives it.
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_name.lower())[:_MAX_SLUG_LENGTH].strip("-")


def child(folder: Path, item_id: str) -> Path:
    """The path of the item `item_id` in `folder`; the id may come from a URL.

    Raises `WorkspaceError` for anything that is not an id made by this program, so that no text
    from outside ever becomes a path.
    """
    if len(item_id) > _MAX_ID_LENGTH or not _ID.fullmatch(item_id):
        raise WorkspaceError(f"{item_id[:40]!r} is not the name of anything in this workspace.")
    return folder / item_id


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; it takes `path`'s place only if all went well.

    Raises `WorkspaceError` when the disk refuses, with nothing left behind.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise disk_error(path, error) from error
    finally:
        with suppress(OSError):  # where nothing could be written, nothing is there to remove
            beside.unlink()


def remove(folder: Path) -> None:
    """Remove a folder and all that is in it; one that is gone already is fine.

    Raises `WorkspaceError` when the disk refuses.
    """
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:  # another tab was first
        pass
    except OSError as error:
        raise WorkspaceError(f"{folder} cannot be removed ({error.strerror or error}).") from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write `content` as readable JSON, whole or not at all."""
    text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)
    with atomic_write(path) as beside:
        beside.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read an object from `path`; raises `WorkspaceError` naming the file if it is not one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WorkspaceError(f"{path} cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise WorkspaceError(f"{path} holds no JSON object; it was not written by this program.")
    return content
