"""The dimensions of a checkpoint, read without torch and without loading it."""

import pickletools
import zipfile
import zlib
from pathlib import Path

_CHUNK_BYTES = 1 << 20


def read_dimension(path: Path, name: str) -> int | None:
    """A field of openai-whisper's `ModelDimensions` in a `.pt` file; None if it cannot be read.

    Scans the opcodes of the pickle without executing any.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            inside = next(n for n in archive.namelist() if n.endswith("/data.pkl"))
            with archive.open(inside) as file:
                operations = pickletools.genops(file.read(_CHUNK_BYTES))
                for _, argument, _ in operations:
                    if argument == name:
                        break
                for operation, argument, _ in operations:
                    if operation.name in ("BININT", "BININT1", "BININT2"):
                        return int(argument or 0)
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        StopIteration,
        ValueError,
        RuntimeError,
    ):
        return None
    return None
