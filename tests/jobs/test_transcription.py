"""Transcription in the background, with a real engine of small random weights."""

from pathlib import Path

import numpy as np
import pytest

from lab import audio, recordings
from lab.asr.engine import Engine
from lab.asr.options import TranscribeOptions
from lab.asr.pool import EnginePool
from lab.audio import SAMPLE_RATE, Waveform
from lab.core.errors import CheckpointError
from lab.core.workspace import Workspace
from lab.jobs.transcription import TranscriptionJob, TranscriptionQueue
from lab.recordings import Recording
from lab.recordings.samples import list_samples
from tests.support.waiting import wait_for

# The output of a random model never passes the fallback thresholds.
NO_FALLBACK = TranscribeOptions(language="en", temperatures=(0.0,))


class _Pool(EnginePool):
    """Returns the same engine for every model; fails for `missing` and `broken`."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._tiny = engine

    def get(self, name: str, **_: object) -> Engine:
        if name == "missing":
            raise CheckpointError("There is no model called missing.")
        if name == "broken":
            raise ZeroDivisionError
        return self._tiny


@pytest.fixture
def queue(tiny_engine: Engine) -> TranscriptionQueue:
    return TranscriptionQueue(_Pool(tiny_engine))


@pytest.fixture
def speech(workspace: Workspace) -> Recording:
    sample = list_samples()[0]
    return recordings.add(workspace, "speech.ogg", sample.audio_path.read_bytes())


def test_a_finished_job_saves_its_transcript(
    queue: TranscriptionQueue, workspace: Workspace, speech: Recording
) -> None:
    job = wait_for(
        queue, workspace, queue.submit(TranscriptionJob(workspace, speech, "tiny", NO_FALLBACK))
    )

    (saved,) = recordings.list_transcripts(workspace)
    assert (job.state, job.progress, job.transcript_id) == ("done", 1.0, saved.id)
    assert saved.load().segments == job.segments


def test_an_unreadable_recording_fails_and_the_next_one_is_transcribed(
    queue: TranscriptionQueue, workspace: Workspace, speech: Recording
) -> None:
    zipped = recordings.add(workspace, "archive.wav", b"PK\x03\x04" + bytes(500))
    bad = queue.submit(TranscriptionJob(workspace, zipped, "tiny", NO_FALLBACK))
    good = queue.submit(TranscriptionJob(workspace, speech, "tiny", NO_FALLBACK))

    failed = wait_for(queue, workspace, bad)
    assert failed.state == "failed"
    assert "archive.wav" in str(failed.error)
    assert wait_for(queue, workspace, good).state == "done"


@pytest.mark.parametrize(
    ("model", "reason"),
    [("missing", "no model called missing"), ("broken", "error inside the program")],
)
def test_any_failure_is_reported_and_the_next_job_runs(
    queue: TranscriptionQueue, workspace: Workspace, speech: Recording, model: str, reason: str
) -> None:
    failed = wait_for(
        queue, workspace, queue.submit(TranscriptionJob(workspace, speech, model, NO_FALLBACK))
    )
    assert failed.state == "failed"
    assert reason in str(failed.error)
    good = queue.submit(TranscriptionJob(workspace, speech, "tiny", NO_FALLBACK))
    assert wait_for(queue, workspace, good).state == "done"


def test_silence_gives_an_empty_transcript(queue: TranscriptionQueue, workspace: Workspace) -> None:
    silence = Waveform(np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE)
    recording = recordings.add(workspace, "silence.wav", audio.encode_wav(silence))
    job = wait_for(
        queue, workspace, queue.submit(TranscriptionJob(workspace, recording, "tiny", NO_FALLBACK))
    )
    assert job.state == "done"
    assert recordings.list_transcripts(workspace)[0].load().segments == ()


def test_stopping_keeps_the_decoded_segments(
    queue: TranscriptionQueue, workspace: Workspace
) -> None:
    sample = audio.decode(list_samples()[0].audio_path)
    long = Waveform(np.tile(sample.samples, 20), SAMPLE_RATE)
    recording = recordings.add(workspace, "long.wav", audio.encode_wav(long))
    number = queue.submit(TranscriptionJob(workspace, recording, "tiny", NO_FALLBACK))

    wait_for(queue, workspace, number, until=lambda job: bool(job.segments) or job.is_finished)
    queue.stop(workspace, number)
    job = wait_for(queue, workspace, number)

    assert job.state == "stopped"
    assert job.progress < 1
    kept = recordings.list_transcripts(workspace)[0].load()
    assert kept.segments == job.segments != ()


def test_deleting_the_recording_meanwhile_fails_the_job(
    queue: TranscriptionQueue, workspace: Workspace, speech: Recording
) -> None:
    number = queue.submit(TranscriptionJob(workspace, speech, "tiny", NO_FALLBACK))
    wait_for(
        queue, workspace, number, until=lambda job: job.note == "Transcribing" or job.is_finished
    )
    recordings.delete(workspace, speech.id)
    assert "deleted" in str(wait_for(queue, workspace, number).error)


def test_a_queued_job_can_be_stopped_before_it_starts(
    queue: TranscriptionQueue, workspace: Workspace, speech: Recording
) -> None:
    first = queue.submit(TranscriptionJob(workspace, speech, "tiny", NO_FALLBACK))
    second = queue.submit(TranscriptionJob(workspace, speech, "tiny", NO_FALLBACK))
    queue.stop(workspace, second)
    wait_for(queue, workspace, first)
    assert wait_for(queue, workspace, second).state == "stopped"
    assert len(recordings.list_transcripts(workspace)) == 1


def test_another_workspace_sees_no_job_and_stops_none(
    queue: TranscriptionQueue, workspace: Workspace, speech: Recording, tmp_path: Path
) -> None:
    stranger = Workspace(tmp_path / "stranger")
    number = queue.submit(TranscriptionJob(workspace, speech, "tiny", NO_FALLBACK))
    queue.stop(stranger, number)
    queue.clear(stranger)
    assert queue.jobs(stranger) == []
    assert wait_for(queue, workspace, number).state == "done"


def test_clearing_the_list_keeps_transcripts_and_unfinished_jobs(
    queue: TranscriptionQueue, workspace: Workspace, speech: Recording
) -> None:
    wait_for(
        queue, workspace, queue.submit(TranscriptionJob(workspace, speech, "tiny", NO_FALLBACK))
    )
    queue.clear(workspace)
    assert queue.jobs(workspace) == []
    assert len(recordings.list_transcripts(workspace)) == 1
