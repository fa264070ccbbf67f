"""Preparation of recordings in the background, all with the same recipe."""

import time
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module

from lab.core.errors import LabError
from lab.core.progress import Progress, part
from lab.jobs.queue import Job, JobHandle, JobQueue
from lab.preprocess import AudioFile, Recipe, apply, preparations
from lab.preprocess.batch import FailedFile
from lab.preprocess.preparations import Preparation
from lab.recordings import Recording

# How often the index is saved; the prepared audio itself is written as each recording finishes.
_SAVE_EVERY_S = 5.0
_LIBRARIES = (
    "librosa.feature",
    "librosa.effects",
    "noisereduce",
    "pyloudnorm",
    "faster_whisper.vad",
)


@dataclass(frozen=True)
class PreparationJob(Job):
    """A snapshot of one preparation.

    n_done, n_failed: number of recordings prepared and failed so far
    preparation_id: the saved preparation; None until something was saved
    """

    recordings: tuple[Recording, ...]
    recipe: Recipe
    n_done: int = 0
    n_failed: int = 0
    preparation_id: str | None = None


class PreparationQueue(JobQueue[PreparationJob]):
    """Applies a recipe to recordings; one that fails does not stop the others."""

    unit = "preparation"
    memory_advice = "Split long recordings and prepare fewer of them at a time."

    def prepare(self) -> None:
        """Import the libraries that the steps use once the worker is idle; it takes about 2 s."""
        for name in _LIBRARIES:
            self.worker.submit(partial(import_module, name))

    def run(self, handle: JobHandle[PreparationJob]) -> None:
        """Prepare. Recordings finished before a stop or failure are kept."""
        job, on_progress = handle.job, self.progress(handle)
        preparation = preparations.create(job.workspace, job.recipe)
        saved_at = time.monotonic()
        try:
            for index, recording in enumerate(job.recordings):
                on_part = part(on_progress, index, len(job.recordings))
                preparation = _add_recording(preparation, recording, job.recipe, on_part)
                self.update(
                    handle, n_done=len(preparation.recordings), n_failed=len(preparation.failures)
                )
                if time.monotonic() - saved_at > _SAVE_EVERY_S:
                    preparations.save(preparation)
                    saved_at = time.monotonic()
        finally:
            if preparation.recordings or preparation.failures:
                preparations.save(preparation)
                self.update(handle, preparation_id=preparation.id)
            else:
                preparations.delete(preparation)


def _add_recording(
    preparation: Preparation, recording: Recording, recipe: Recipe, on_progress: Progress
) -> Preparation:
    """The preparation with one more recording, or with the reason it failed."""
    try:
        source = AudioFile(recording.audio_path, recording.name)
        prepared = apply(recipe, source, on_progress=on_progress)
        return preparations.add(
            preparation, prepared, recording_id=recording.id, name=recording.name
        )
    except LabError as error:
        failure = FailedFile(recording.name, str(error))
        return replace(preparation, failures=(*preparation.failures, failure))
