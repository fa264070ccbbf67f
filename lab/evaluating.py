"""Evaluations in the background of the app: any models on any datasets, kept in the workspace.

evaluations/ID/DATASET/evaluation.json   and predictions.csv, as `lab.evaluation_files` writes them
"""

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lab import dataset, evaluation_files
from lab.asr.pool import EnginePool
from lab.errors import OptionsError, WorkspaceError
from lab.evaluation import Report, evaluate
from lab.evaluation_files import JSON_NAME
from lab.export import learned_by, load_engine, run_named
from lab.jobs import Entry, Job, ModelQueue
from lab.progress import Progress
from lab.staging import Staging
from lab.workspace import Workspace, child

if TYPE_CHECKING:
    from lab.asr.engine import Engine

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


@dataclass(frozen=True)
class EvaluationJob(Job):
    """What is known of one evaluation at this moment. made: its id, once it is done."""

    models: tuple[str, ...]
    dataset_names: tuple[str, ...]
    split: str
    made: str = ""


class EvaluationQueue(ModelQueue[EvaluationJob]):
    """Tries models on datasets. What a model heard is kept, however it ends."""

    def submit(
        self,
        workspace: Workspace,
        models: tuple[str, ...],
        dataset_names: tuple[str, ...],
        *,
        split: str = "test",
    ) -> int:
        """Line up models, the baseline first; returns the number of the job.

        models: names of models that can be picked, or of runs that are done
        """
        return self.line_up(
            lambda number: EvaluationJob(number, workspace, models, dataset_names, split)
        )

    def work_on(self, entry: Entry[EvaluationJob]) -> None:
        """Evaluate on what no model has learned from; the reports appear all at once."""
        job = entry.job
        reports = evaluate(
            self._engines(entry),
            [dataset.find(job.workspace, name) for name in job.dataset_names],
            split=job.split,
            without=learned_by(job.workspace, job.models),
            on_progress=self.watch(entry),
        )
        self.update(entry, made=keep(job.workspace, reports).id)

    def _engines(self, entry: Entry[EvaluationJob]) -> Iterator["Engine"]:
        job = entry.job
        for model in job.models:
            loading = self.watch(entry, f"Loading the model {model}")
            yield engine_of(job.workspace, model, self._pool, loading)


def engine_of(
    workspace: Workspace, model: str, pool: EnginePool, on_progress: Progress
) -> "Engine":
    """The engine of a run, or else of a model that can be picked; raises CheckpointError."""
    if run_named(workspace, model):
        return load_engine(workspace, model, on_progress=on_progress)
    return pool.get(model, models_dir=workspace.models_dir, on_progress=on_progress)


def keep(workspace: Workspace, reports: list[Report]) -> Evaluation:
    """Write reports into the workspace, all or none; raises WorkspaceError."""
    parent = workspace.root / FOLDER
    with Staging(parent) as staging:
        for report in reports:
            evaluation_files.write(report, child(staging, report.dataset))
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
    try:
        shutil.rmtree(evaluation.folder)
    except FileNotFoundError:  # another tab was first
        pass
    except OSError as error:
        raise WorkspaceError(
            f"{evaluation.folder} cannot be removed ({error.strerror or error})."
        ) from error


def _evaluation(folder: Path) -> Evaluation:
    return Evaluation(folder.name, folder)
