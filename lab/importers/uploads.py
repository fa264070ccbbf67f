"""Files that come from a browser, laid out as they were on the machine they come from."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from lab.core.errors import WorkspaceError
from lab.importers.names import NameRefusedError, safe_path
from lab.importers.source import Problem, Problems


def lay_out(files: Iterable[tuple[str, BinaryIO]], folder: Path) -> list[Problem]:
    """Write files below `folder`, for importers to read.

    files: the name of each, perhaps with folders, as the browser says it, and its content

    Returns those that were refused, each once. Raises WorkspaceError when the disk refuses.
    """
    problems = Problems()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files:
            try:
                path = folder / safe_path(name)
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    shutil.copyfileobj(content, file)
            except NameRefusedError as reason:
                problems.add(name, str(reason))
            except (FileExistsError, NotADirectoryError):
                problems.add(name, "is there more than once; the first one is used")
    except OSError as error:
        raise WorkspaceError(
            f"The files cannot be kept ({error.strerror or error}). Free some space on the disk."
        ) from error
    return problems.all()
