"""Exports of the workspace.

model-exports/RUN-FORMAT-PRECISION/   exports with their proofs, as `lab.export` writes them
"""

from pathlib import Path
from typing import TYPE_CHECKING

from lab.core.workspace import Workspace, child
from lab.export import FORMATS
from lab.training.provenance import fingerprint, read_origin
from lab.training.runs import Run

if TYPE_CHECKING:
    pass

FOLDER = "model-exports"


def export_dir(workspace: Workspace, run: Run, file_format: str, precision: str) -> Path:
    """Where an export of a run lies."""
    return child(workspace.root / FOLDER, f"{run.name}-{file_format}-{precision}")


def exports_of(workspace: Workspace, run: Run) -> dict[tuple[str, str], Path]:
    """The exports of the model that a run has now, by format and precision.

    One that outlived another run of that name, or that was made of another state, is none of them.
    """
    weights = fingerprint(run.model_path)
    found = {
        (file_format, precision): export_dir(workspace, run, file_format, precision)
        for file_format, settings in FORMATS.items()
        for precision in settings.precisions
    }
    return {
        key: folder
        for key, folder in found.items()
        if folder.is_dir() and weights and read_origin(folder) == weights
    }
