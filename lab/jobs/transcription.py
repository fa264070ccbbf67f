"""Transcriptions in the background of the app; what is finished lies in the workspace."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import audio, recordings
from lab.asr.options import TranscribeOptions
from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.jobs.queue import Entry, Job, ModelQueue
from lab.recordings import Recording
from lab.transcripts import Segment

if TYPE_CHECKING:
    from lab.asr.transcription import Transcription

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TranscriptionJob(Job):
    """What is known of one transcription at this moment.

    warning: what is wrong with the recording although it could be read
    transcript_id: where the result lies in the workspace (also of a stopped job, if it got so far)
    """

    recording: Recording
    model: str
    options: TranscribeOptions
    segments: tuple[Segment, ...] = ()
    warning: str | None = None
    transcript_id: str | None = None


class TranscriptionQueue(ModelQueue[TranscriptionJob]):
    """Transcribes with the models of a pool."""

    def prepare(self, workspace: Workspace, model: str) -> None:
        """Load `model` when the worker is free, so that the first job need not wait for it."""

        def load() -> None:
            try:
                self._pool.get(model, models_dir=workspace.models_dir)
            except LabError as error:  # the job that needs the model will say so
                log.info("cannot prepare %s: %s", model, error)

        self.worker.later(load)

    def submit(
        self, workspace: Workspace, recording: Recording, model: str, options: TranscribeOptions
    ) -> int:
        """Line up a transcription; returns the number of its job."""
        return self.line_up(
            lambda number: TranscriptionJob(number, workspace, recording, model, options)
        )

    def work_on(self, entry: Entry[TranscriptionJob]) -> None:
        """Transcribe. However it ends, what was decoded until then is kept."""
        transcription = self._start(entry)
        is_whole = False
        try:
            for segment in transcription:
                self.update(entry, segments=(*entry.job.segments, segment))
            is_whole = True
        finally:
            if is_whole or entry.job.segments:
                saved = recordings.save_transcript(entry.job.recording, transcription.so_far())
                self.update(entry, transcript_id=saved.id)

    def _start(self, entry: Entry[TranscriptionJob]) -> "Transcription":
        job = entry.job
        waveform = audio.decode(
            job.recording.audio_path,
            name=job.recording.name,
            on_progress=self.watch(entry, "Reading the recording"),
        )
        self.update(entry, warning=waveform.warning)
        engine = self._pool.get(
            job.model,
            models_dir=job.workspace.models_dir,
            on_progress=self.watch(entry, f"Loading the model {job.model}"),
        )
        return engine.transcribe(waveform, job.options, on_progress=self.watch(entry))
