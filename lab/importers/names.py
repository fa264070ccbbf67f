"""Names that archives and browsers give to files, made fit for a disk; tables still find them."""

import unicodedata
from pathlib import PurePosixPath

from lab.preprocess.archive import points_outside

_MAX_PART_BYTES, _MAX_PATH_CHARACTERS, _MAX_DEPTH = 255, 1024, 20


class NameRefusedError(Exception):
    """A name cannot be used below a folder; the message says why, for people."""


def parts_of(name: str) -> list[str]:
    """The folders of a name, and the file, whichever system it comes from."""
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def safe_path(name: str) -> PurePosixPath:
    """The path below a folder for a file of that name; raises NameRefusedError.

    What no file system or terminal takes is replaced; nothing else is changed.
    """
    if points_outside(name):
        raise NameRefusedError("its name points to another folder, as no honest program writes it")
    parts = ["".join(map(_harmless, part)) for part in parts_of(name)]
    if (
        not parts
        or len(parts) > _MAX_DEPTH
        or sum(map(len, parts)) > _MAX_PATH_CHARACTERS
        or any(len(part.encode()) > _MAX_PART_BYTES for part in parts)
    ):
        raise NameRefusedError("its name is longer than the name of a file can be")
    return PurePosixPath(*parts)


def _harmless(char: str) -> str:
    return "_" if unicodedata.category(char) in ("Cc", "Cs") else char
