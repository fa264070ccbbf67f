"""Transcription in the background; finished transcripts are saved in the workspace."""

import logging
from dataclasses import dataclass

from lab import audio, recordings
from lab.asr.options import TranscribeOptions
from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.jobs.queue import Job, JobHandle, ModelQueue
from lab.recordings import Recording
from lab.transcripts import Segment

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TranscriptionJob(Job):
    """A snapshot of one transcription.

    warning: a defect of the recording that did not prevent decoding
    transcript_id: the saved transcript; a stopped job has one if it decoded any segment
    """

    recording: Recording
    model: str
    options: TranscribeOptions
    segments: tuple[Segment, ...] = ()
    warning: str | None = None
    transcript_id: str | None = None


class TranscriptionQueue(ModelQueue[TranscriptionJob]):
    """Transcribes recordings with the models of a pool."""

    unit = "transcription"
    memory_advice = "Choose a smaller model or split the recording."

    def prepare(self, workspace: Workspace, model: str) -> None:
        """Load `model` once the worker is idle, so that the first job does not have to wait."""

        def load() -> None:
            try:
                self._pool.get(model, models_dir=workspace.models_dir)
            except LabError as error:  # the job that needs the model will report it
                log.info("cannot preload %s: %s", model, error)

        self.worker.submit(load)

    def run(self, handle: JobHandle[TranscriptionJob]) -> None:
        """Transcribe. Segments decoded before a stop or failure are saved."""
        job = handle.job
        waveform = audio.decode(
            job.recording.audio_path,
            name=job.recording.name,
            on_progress=self.progress(handle, "Reading the recording"),
        )
        self.update(handle, warning=waveform.warning)
        engine = self._load(handle, job.model)
        transcription = engine.transcribe(waveform, job.options, on_progress=self.progress(handle))
        is_complete = False
        try:
            for segment in transcription:
                self.update(handle, segments=(*handle.job.segments, segment))
            is_complete = True
        finally:
            if is_complete or handle.job.segments:
                saved = recordings.save_transcript(handle.job.recording, transcription.so_far())
                self.update(handle, transcript_id=saved.id)
