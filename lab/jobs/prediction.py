"""Transcription of dataset clips in the background."""

from dataclasses import dataclass

from lab import dataset
from lab.dataset import DatasetClip
from lab.dataset.predictions import predict
from lab.importers import ImportProblem
from lab.jobs.queue import Job, JobHandle, ModelQueue


@dataclass(frozen=True)
class PredictionJob(Job):
    """A snapshot of one prediction job; its results are set when it is done.

    clips: clips to transcribe; those with a saved prediction are not transcribed again
    n_new, n_known: number of clips transcribed by this job and by earlier ones
    skipped: clips that could not be transcribed, with the reason
    language: Whisper's language code; None uses the language of each clip
    """

    dataset_name: str
    clips: tuple[DatasetClip, ...]
    model: str
    language: str | None = None
    n_new: int = 0
    n_known: int = 0
    skipped: tuple[ImportProblem, ...] = ()


class PredictionQueue(ModelQueue[PredictionJob]):
    """Transcribes the clips of datasets with the models of a pool."""

    unit = "transcription of clips"

    def run(self, handle: JobHandle[PredictionJob]) -> None:
        """Transcribe. Predictions saved before a stop or failure are kept."""
        job = handle.job
        result = predict(
            self._load(handle, job.model),
            dataset.find(job.workspace, job.dataset_name),
            job.clips,
            language=job.language,
            on_progress=self.progress(handle),
        )
        self.update(handle, n_new=result.n_new, n_known=result.n_known, skipped=result.skipped)
