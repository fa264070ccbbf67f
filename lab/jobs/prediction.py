"""Models listen to the clips of datasets in the background of the app; what they hear is kept."""

from dataclasses import dataclass

from lab import dataset
from lab.core.workspace import Workspace
from lab.dataset import Entry as Clip
from lab.dataset.predictions import predict
from lab.importers import Problem
from lab.jobs.queue import Entry, Job, ModelQueue


@dataclass(frozen=True)
class PredictionJob(Job):
    """What is known at this moment of a model's listening to clips.

    clips: those that were asked for, some of which it may have heard before
    n_new, n_known: clips heard now and before; known when the job is done
    skipped: clips that could not be heard, with the reason; known when the job is done
    """

    dataset_name: str
    clips: tuple[Clip, ...]
    model: str
    language: str | None = None
    n_new: int = 0
    n_known: int = 0
    skipped: tuple[Problem, ...] = ()


class PredictionQueue(ModelQueue[PredictionJob]):
    """Listens with the models of a pool."""

    def submit(
        self,
        workspace: Workspace,
        dataset_name: str,
        clips: tuple[Clip, ...],
        model: str,
        *,
        language: str | None = None,
    ) -> int:
        """Line up clips of a dataset; returns the number of the job.

        language: Whisper's code of what is spoken; None takes each clip's own
        """
        return self.line_up(
            lambda number: PredictionJob(number, workspace, dataset_name, clips, model, language)
        )

    def work_on(self, entry: Entry[PredictionJob]) -> None:
        """Listen. However it ends, what was written down until then is kept."""
        job = entry.job
        engine = self._pool.get(
            job.model,
            models_dir=job.workspace.models_dir,
            on_progress=self.watch(entry, f"Loading the model {job.model}"),
        )
        done = predict(
            engine,
            dataset.find(job.workspace, job.dataset_name),
            job.clips,
            language=job.language,
            on_progress=self.watch(entry),
        )
        self.update(entry, n_new=done.n_new, n_known=done.n_known, skipped=done.skipped)
