"""Evaluations of the workspace.

evaluations/ID/DATASET/evaluation.json   and predictions.csv (`lab.evaluation.report_files`)
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lab.core.errors import OptionsError, WorkspaceError
from lab.core.staging import Staging
from lab.core.workspace import Workspace, child, remove
from lab.evaluation import Report, report_files
from lab.evaluation.report_files import JSON_NAME

if TYPE_CHECKING:
    pass

FOLDER = "evaluations"


@dataclass(frozen=True)
class Evaluation:
    """An evaluation of the workspace; a report for each dataset lies below `folder`."""

    id: str
    folder: Path

    @property
    def at(self) -> datetime:
        """When it was made, UTC."""
        return datetime.strptime(self.id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)

    @property
    def datasets(self) -> list[str]:
        return sorted(path.parent.name for path in self.folder.glob(f"*/{JSON_NAME}"))

    def report_dir(self, dataset_name: str) -> Path:
        """Where the report on a dataset lies."""
        return child(self.folder, dataset_name)


def keep(workspace: Workspace, reports: list[Report]) -> Evaluation:
    """Write reports into the workspace, all or none; raises WorkspaceError."""
    parent = workspace.root / FOLDER
    with Staging(parent) as staging:
        for report in reports:
            report_files.write(report, child(staging, report.dataset))
        made = _evaluation(parent / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}")
        try:
            staging.rename(made.folder)
        except OSError as error:
            raise WorkspaceError(
                f"{made.folder} cannot be written ({error.strerror or error}). "
                "Free some space and evaluate once more; the clips need not be heard again."
            ) from error
    return made


def list_evaluations(workspace: Workspace) -> list[Evaluation]:
    """All evaluations, the newest first."""
    found = [
        _evaluation(folder)
        for folder in (workspace.root / FOLDER).glob("[0-9]*-[0-9]*-*")
        if any(folder.glob(f"*/{JSON_NAME}"))
    ]
    return sorted(found, key=lambda one: one.id, reverse=True)


def find(workspace: Workspace, evaluation_id: str) -> Evaluation:
    """The evaluation with this id, which may come from a URL; raises OptionsError for any other."""
    for one in list_evaluations(workspace):
        if one.id == evaluation_id:
            return one
    raise OptionsError(f"There is no evaluation “{evaluation_id[:40]}” any more.")


def delete(evaluation: Evaluation) -> None:
    """Remove an evaluation; what the models heard stays with the datasets."""
    remove(evaluation.folder)


def _evaluation(folder: Path) -> Evaluation:
    return Evaluation(folder.name, folder)
