"""Datasets that are listened to in the background of the app: their sound, and their language."""

from dataclasses import dataclass

from lab.core.errors import OptionsError
from lab.core.workspace import Workspace
from lab.dataset import guard
from lab.dataset.guard import SAMPLE_SIZE, Heard, Listened
from lab.dataset.sounds import measure_sounds
from lab.dataset.store import Dataset
from lab.dataset.table import EXCLUDED
from lab.jobs.queue import Entry, Job, JobQueue, ModelQueue


@dataclass(frozen=True)
class ExamineJob(Job):
    """What is known of one listening at this moment."""

    dataset: Dataset


@dataclass(frozen=True)
class GuardJob(Job):
    """What is known of one guard at this moment. n_clips: how many it hears; None for all"""

    dataset: Dataset
    model: str
    n_clips: int | None


class ExamineQueue(JobQueue[ExamineJob]):
    """Measures the sound of all clips. What was measured is kept, however it ends."""

    def submit(self, workspace: Workspace, dataset: Dataset) -> int:
        """Line up a dataset; returns the number of the job."""
        return self.line_up(lambda number: ExamineJob(number, workspace, dataset))

    def work_on(self, entry: Entry[ExamineJob]) -> None:
        """Listen to the clips that are new since the last time."""
        dataset = entry.job.dataset
        clips = [clip for clip in dataset.entries() if clip.status != EXCLUDED]
        measure_sounds(dataset, clips, on_progress=self.watch(entry))


class GuardQueue(ModelQueue[GuardJob]):
    """Lets a model say which language a dataset's clips are in."""

    def submit(
        self,
        workspace: Workspace,
        dataset: Dataset,
        model: str = "base",
        *,
        n_clips: int | None = SAMPLE_SIZE,
    ) -> int:
        """Line up a dataset; returns the number of the job. After an import, the defaults do."""
        return self.line_up(lambda number: GuardJob(number, workspace, dataset, model, n_clips))

    def work_on(self, entry: Entry[GuardJob]) -> None:
        """Listen. However it ends, what was heard until then is kept."""
        job = entry.job
        clips = guard.sample(job.dataset.entries(), job.n_clips)
        if not clips:
            raise OptionsError(
                "There is no clip to listen to whose language Whisper has a name for."
            )
        engine = self._pool.get(
            job.model,
            models_dir=job.workspace.models_dir,
            on_progress=self.watch(entry, f"Loading the model {job.model}"),
        )
        heard: list[Heard] = []
        try:
            for one in guard.listen(engine, job.dataset, clips, on_progress=self.watch(entry)):
                heard.append(one)
        finally:
            if heard:
                guard.save(job.dataset, Listened(job.model, tuple(heard)))
