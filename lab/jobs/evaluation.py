"""Evaluation in the background: any models on any datasets."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import dataset
from lab.evaluation import evaluate
from lab.evaluation.store import save
from lab.jobs.queue import Job, JobHandle, ModelQueue
from lab.training.models import find_run, load_engine, training_files_of

if TYPE_CHECKING:
    from lab.asr.engine import Engine


@dataclass(frozen=True)
class EvaluationJob(Job):
    """A snapshot of one evaluation.

    models: names of models or of finished runs, the baseline first
    evaluation_id: the saved evaluation; "" until it is done
    """

    models: tuple[str, ...]
    dataset_names: tuple[str, ...]
    split: str = "test"
    evaluation_id: str = ""


class EvaluationQueue(ModelQueue[EvaluationJob]):
    """Evaluates models on datasets. Predictions made before a stop or failure are kept."""

    unit = "evaluation"

    def run(self, handle: JobHandle[EvaluationJob]) -> None:
        """Evaluate on clips that no model was trained on, and save all reports together."""
        job = handle.job
        reports = evaluate(
            self._engines(handle),
            [dataset.find(job.workspace, name) for name in job.dataset_names],
            split=job.split,
            trained_on=training_files_of(job.workspace, job.models),
            on_progress=self.progress(handle),
        )
        self.update(handle, evaluation_id=save(job.workspace, reports).id)

    def _engines(self, handle: JobHandle[EvaluationJob]) -> Iterator["Engine"]:
        workspace = handle.job.workspace
        for model in handle.job.models:
            if find_run(workspace, model):
                loading = self.progress(handle, f"Loading the model {model}")
                yield load_engine(workspace, model, on_progress=loading)
            else:
                yield self._load(handle, model)
