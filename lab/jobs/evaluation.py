"""Evaluations in the background of the app: any models on any datasets."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import dataset
from lab.asr.pool import EnginePool
from lab.core.progress import Progress
from lab.core.workspace import Workspace
from lab.evaluation import evaluate
from lab.evaluation.store import keep
from lab.jobs.queue import Entry, Job, ModelQueue
from lab.training.models import learned_by, load_engine, run_named

if TYPE_CHECKING:
    from lab.asr.engine import Engine


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
