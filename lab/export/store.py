"""Exports saved in the workspace.

model-exports/RUN-FORMAT-PRECISION/   exports with their verification (`lab.export`)
"""

from pathlib import Path

from lab.core.workspace import Workspace, item_path
from lab.export import FORMATS
from lab.training.provenance import read_exported_weights, weights_fingerprint
from lab.training.run import Run

FOLDER = "model-exports"


def export_dir(workspace: Workspace, run: Run, file_format: str, precision: str) -> Path:
    """The folder for an export of a run, which may not exist yet."""
    return item_path(workspace.root / FOLDER, f"{run.name}-{file_format}-{precision}")


def list_exports(workspace: Workspace, run: Run) -> dict[tuple[str, str], Path]:
    """Export folders of the run's current model, by format and precision.

    Exports of other weights are not listed: those of an earlier checkpoint, or of a deleted run
    with the same name.
    """
    weights = weights_fingerprint(run.model_path)
    return {
        (file_format, precision): folder
        for file_format, spec in FORMATS.items()
        for precision in spec.precisions
        if (folder := export_dir(workspace, run, file_format, precision)).is_dir()
        and weights
        and read_exported_weights(folder) == weights
    }
