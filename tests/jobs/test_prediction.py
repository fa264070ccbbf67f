"""Transcription of dataset clips in the background."""

import threading
from collections.abc import Callable

import pytest

from lab import dataset
from lab.asr.pool import EnginePool
from lab.audio import Waveform
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.dataset.predictions import load
from lab.jobs.prediction import PredictionJob, PredictionQueue
from tests.support.fake_engine import FakeEngine, duration_and_language, silent_dataset
from tests.support.waiting import wait_for


class _Pool(EnginePool):
    """Returns a fake engine for every model."""

    def __init__(self, transcribe: Callable[[Waveform, str], str] = duration_and_language) -> None:
        super().__init__()
        self._transcribe = transcribe

    def get(self, name: str, **_: object) -> FakeEngine:
        return FakeEngine(name, transcribe=self._transcribe)


@pytest.fixture
def queue() -> PredictionQueue:
    return PredictionQueue(_Pool())


@pytest.fixture
def data(workspace: Workspace) -> Dataset:
    return silent_dataset(workspace, *range(1, 7))


def test_a_job_counts_new_known_and_skipped_clips(
    queue: PredictionQueue, workspace: Workspace, data: Dataset
) -> None:
    clips = tuple(data.clips())
    data.audio_path(clips[3]).unlink()
    first = wait_for(
        queue, workspace, queue.submit(PredictionJob(workspace, "a", clips[:2], "tiny"))
    )
    assert (first.state, first.n_new, first.n_known, first.skipped) == ("done", 2, 0, ())
    second = wait_for(
        queue, workspace, queue.submit(PredictionJob(workspace, "a", clips[:4], "tiny"))
    )
    assert (second.n_new, second.n_known, len(second.skipped)) == (1, 2, 1)
    assert load(data, "tiny").keys() == {clip.file_name for clip in clips[:3]}


def test_stopping_keeps_the_predictions_made_so_far(
    workspace: Workspace, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.dataset.predictions._BATCH_SIZE", 2)
    is_stopped = threading.Event()

    def pause_at_the_third_clip(clip: Waveform, _: str) -> str:
        assert clip.duration_s < 3 or is_stopped.wait(60)
        return "po"

    queue = PredictionQueue(_Pool(pause_at_the_third_clip))
    number = queue.submit(PredictionJob(workspace, "a", tuple(data.clips()), "tiny"))
    wait_for(queue, workspace, number, until=lambda _: len(load(data, "tiny")) == 2)
    queue.stop(workspace, number)
    is_stopped.set()
    assert wait_for(queue, workspace, number).state == "stopped"
    assert len(load(data, "tiny")) == 2


def test_a_deleted_dataset_fails_the_job(
    queue: PredictionQueue, workspace: Workspace, data: Dataset
) -> None:
    clips = tuple(data.clips())
    dataset.delete(data)
    job = wait_for(queue, workspace, queue.submit(PredictionJob(workspace, "a", clips, "tiny")))
    assert job.state == "failed"
    assert "no dataset" in str(job.error)
