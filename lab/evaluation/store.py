"""Evaluations saved in the workspace.

evaluations/ID/DATASET/evaluation.json   and predictions.csv (`lab.evaluation.report_files`)
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lab.core.errors import OptionsError, disk_errors
from lab.core.staging import Staging
from lab.core.workspace import Workspace, id_time, item_path, remove
from lab.evaluation import Report, report_files
from lab.evaluation.report_files import JSON_NAME

FOLDER = "evaluations"


@dataclass(frozen=True)
class Evaluation:
    """A saved evaluation, with one report per dataset in `folder`."""

    id: str
    folder: Path

    @property
    def at(self) -> datetime:
        """Creation time, UTC."""
        return id_time(self.id)

    @property
    def datasets(self) -> list[str]:
        return sorted(path.parent.name for path in self.folder.glob(f"*/{JSON_NAME}"))

    def report_dir(self, dataset_name: str) -> Path:
        """The folder of the report on a dataset."""
        return item_path(self.folder, dataset_name)


def save(workspace: Workspace, reports: list[Report]) -> Evaluation:
    """Save all reports, or none if that fails; raises WorkspaceError."""
    parent = workspace.root / FOLDER
    with Staging(parent) as staging:
        for report in reports:
            report_files.write(report, item_path(staging, report.dataset))
        folder = parent / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        advice = "Free some space and evaluate again; the clips will not be transcribed again."
        with disk_errors(folder, advice):
            staging.rename(folder)
    return Evaluation(folder.name, folder)


def list_evaluations(workspace: Workspace) -> list[Evaluation]:
    """All evaluations, newest first."""
    evaluations = [
        Evaluation(folder.name, folder)
        for folder in (workspace.root / FOLDER).glob("[0-9]*-[0-9]*-*")
        if any(folder.glob(f"*/{JSON_NAME}"))
    ]
    return sorted(evaluations, key=lambda evaluation: evaluation.id, reverse=True)


def find(workspace: Workspace, evaluation_id: str) -> Evaluation:
    """The evaluation with this id, perhaps from a URL; raises OptionsError if none has it."""
    for evaluation in list_evaluations(workspace):
        if evaluation.id == evaluation_id:
            return evaluation
    raise OptionsError(f"The evaluation “{evaluation_id[:40]}” does not exist or was deleted.")


def delete(evaluation: Evaluation) -> None:
    """Delete an evaluation; predictions stay with the datasets."""
    remove(evaluation.folder)
