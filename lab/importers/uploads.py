"""Files from a browser, stored in the folders that they had on the person's machine."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from lab.core.errors import disk_errors
from lab.core.files import UnsafeNameError, safe_path
from lab.importers.source import ImportProblem, ProblemLog


def save_uploads(files: Iterable[tuple[str, BinaryIO]], folder: Path) -> list[ImportProblem]:
    """Write uploaded files below `folder`, for importers to read.

    files: name, possibly with folders, and content of each

    Returns those that were refused. Raises WorkspaceError if writing fails.
    """
    problems = ProblemLog()
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files:
            try:
                path = folder / safe_path(name)
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    shutil.copyfileobj(content, file)
            except UnsafeNameError as reason:
                problems.add(name, str(reason))
            except (FileExistsError, NotADirectoryError):
                problems.add(name, "occurs more than once; the first one is used")
    return problems.all()
