"""Which weights an export was made of: its run may be another one by now, under the same name."""

import hashlib
import zipfile
from pathlib import Path

from lab.errors import WorkspaceError
from lab.workspace import read_json, write_json

_NAME = "origin.json"


def fingerprint(model_path: Path) -> str:
    """Tells the weights in a `.pt` from others, in no time and without torch; "" if it is no `.pt`.

    A digest of the checksums (CRC-32) that the file keeps of each of its tensors.
    """
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(model_path) as archive:
            for member in archive.infolist():
                _, _, name = member.filename.partition("/")  # the first part is called by the file
                if name.startswith("data"):
                    digest.update(f"{name} {member.CRC} {member.file_size}\n".encode())
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError):
        return ""
    return digest.hexdigest()


def note(folder: Path, origin: str) -> None:
    """Keep the fingerprint `origin` with an export; raises WorkspaceError."""
    write_json(folder / _NAME, {"weights": origin})


def noted(folder: Path) -> str:
    """The fingerprint that was kept with an export, "" where there is none."""
    try:
        return str(read_json(folder / _NAME).get("weights", ""))
    except WorkspaceError:
        return ""
