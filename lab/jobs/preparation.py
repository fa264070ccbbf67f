"""Recordings that are prepared in the background of the app, with one recipe."""

import importlib
import time
from dataclasses import dataclass, replace

from lab.core.errors import LabError
from lab.core.progress import Progress, part
from lab.core.workspace import Workspace
from lab.jobs.queue import Entry, Job, JobQueue
from lab.preprocess import AudioFile, Recipe, apply, preparations
from lab.preprocess.batch import Failed
from lab.preprocess.preparations import Preparation
from lab.recordings import Recording

# How often what is finished is written down; each recording's sound lies on the disk anyway.
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
    """What is known of one preparation at this moment.

    n_done, n_failed: recordings
    preparation_id: where what is finished lies in the workspace, None before there is any
    """

    recordings: tuple[Recording, ...]
    recipe: Recipe
    n_done: int = 0
    n_failed: int = 0
    preparation_id: str | None = None


class PreparationQueue(JobQueue[PreparationJob]):
    """Prepares with `lab.preprocess`; a recording that fails does not stop the others."""

    def submit(
        self, workspace: Workspace, recordings: tuple[Recording, ...], recipe: Recipe
    ) -> int:
        """Line up recordings; returns the number of the job."""
        return self.line_up(lambda number: PreparationJob(number, workspace, recordings, recipe))

    def prepare(self) -> None:
        """Load the libraries of the steps when the worker is free: that takes about 2 s."""

        def load() -> None:
            for name in _LIBRARIES:
                importlib.import_module(name)

        self.worker.later(load)

    def work_on(self, entry: Entry[PreparationJob]) -> None:
        """Prepare. However it ends, what was finished until then is kept."""
        job, on_progress = entry.job, self.watch(entry)
        preparation = preparations.create(job.workspace, job.recipe)
        saved_at = time.monotonic()
        try:
            for number, recording in enumerate(job.recordings):
                on_part = part(on_progress, number, len(job.recordings))
                preparation = _with(preparation, recording, job.recipe, on_part)
                self.update(
                    entry,
                    n_done=len(preparation.wholes),
                    n_failed=len(preparation.failures),
                )
                if time.monotonic() - saved_at > _SAVE_EVERY_S:
                    preparations.save(preparation)
                    saved_at = time.monotonic()
        finally:
            if preparation.wholes or preparation.failures:
                preparations.save(preparation)
                self.update(entry, preparation_id=preparation.id)
            else:
                preparations.delete(preparation)


def _with(
    preparation: Preparation, recording: Recording, recipe: Recipe, on_progress: Progress
) -> Preparation:
    """The preparation with one more recording, or with the reason why it failed."""
    try:
        source = AudioFile(recording.audio_path, recording.name)
        prepared = apply(recipe, source, on_progress=on_progress)
        return preparations.add(
            preparation, prepared, recording_id=recording.id, name=recording.name
        )
    except LabError as error:
        failure = Failed(recording.name, str(error))
        return replace(preparation, failures=(*preparation.failures, failure))
