"""Measurements of the audio of datasets, and language checks, in the background."""

from dataclasses import dataclass

from lab.core.errors import OptionsError
from lab.dataset import EXCLUDED, Dataset, language_check
from lab.dataset.audio_stats import analyse_clips
from lab.dataset.language_check import SAMPLE_SIZE, ClipLanguage, LanguageCheck
from lab.jobs.queue import Job, JobHandle, JobQueue, ModelQueue


@dataclass(frozen=True)
class DatasetAnalysisJob(Job):
    """A snapshot of one analysis."""

    dataset: Dataset


@dataclass(frozen=True)
class LanguageCheckJob(Job):
    """A snapshot of one language check. n_clips: size of the sample; None checks all clips"""

    dataset: Dataset
    model: str = "base"
    n_clips: int | None = SAMPLE_SIZE


class DatasetAnalysisQueue(JobQueue[DatasetAnalysisJob]):
    """Measures the audio of all clips. Measurements made before a stop or failure are kept."""

    unit = "analysis"

    def run(self, handle: JobHandle[DatasetAnalysisJob]) -> None:
        """Measure the clips that have not been measured yet."""
        dataset = handle.job.dataset
        clips = [clip for clip in dataset.clips() if clip.status != EXCLUDED]
        analyse_clips(dataset, clips, on_progress=self.progress(handle))


class LanguageCheckQueue(ModelQueue[LanguageCheckJob]):
    """Detects which language the clips of a dataset are in."""

    unit = "language check"

    def run(self, handle: JobHandle[LanguageCheckJob]) -> None:
        """Detect languages. Results obtained before a stop or failure are kept."""
        job = handle.job
        clips = language_check.sample(job.dataset.clips(), job.n_clips)
        if not clips:
            raise OptionsError(
                "No clip has a language that Whisper knows, so there is nothing to check. Set the "
                "language of the clips first."
            )
        engine = self._load(handle, job.model)
        detected: list[ClipLanguage] = []
        try:
            for clip in language_check.detect_languages(
                engine, job.dataset, clips, on_progress=self.progress(handle)
            ):
                detected.append(clip)
        finally:
            if detected:
                language_check.save(job.dataset, LanguageCheck(job.model, tuple(detected)))
