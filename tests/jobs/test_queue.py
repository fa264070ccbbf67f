"""What all queues have in common."""

import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from lab.asr.pool import EnginePool
from lab.core.progress import Cancelled
from lab.core.workspace import Workspace
from lab.jobs.dataset_analysis import DatasetAnalysisQueue, LanguageCheckQueue
from lab.jobs.dataset_export import ExportQueue
from lab.jobs.estimate import EstimateQueue
from lab.jobs.evaluation import EvaluationQueue
from lab.jobs.imports import ImportQueue
from lab.jobs.prediction import PredictionQueue
from lab.jobs.preparation import PreparationQueue
from lab.jobs.queue import Job, JobHandle, JobQueue, ModelQueue, Worker
from lab.jobs.run_tasks import RunTaskQueue
from lab.jobs.transcription import TranscriptionQueue
from tests.support.waiting import wait_for

QUEUES: list[type[JobQueue[Job]]] = [
    DatasetAnalysisQueue,
    EstimateQueue,
    EvaluationQueue,
    ExportQueue,
    ImportQueue,
    LanguageCheckQueue,
    PredictionQueue,
    PreparationQueue,
    RunTaskQueue,
    TranscriptionQueue,
]  # type: ignore[list-item]


def failing(kind: type[JobQueue[Job]], error: type[Exception]) -> JobQueue[Job]:
    """A queue of this kind whose jobs raise `error`."""

    def run(_queue: JobQueue[Job], _handle: JobHandle[Job]) -> None:
        raise error

    made = type(kind.__name__, (kind,), {"run": run})
    queue: JobQueue[Job] = made(EnginePool()) if issubclass(kind, ModelQueue) else made()
    return queue


def end_of(queue: JobQueue[Job], workspace: Workspace) -> Job:
    return wait_for(queue, workspace, queue.submit(Job(workspace)))


def test_every_kind_of_job_has_a_name_of_its_own() -> None:
    assert len({kind.unit for kind in QUEUES} | {JobQueue.unit}) == len(QUEUES) + 1


@pytest.mark.parametrize(
    "kind", [kind for kind in QUEUES if kind is not RunTaskQueue], ids=lambda kind: kind.__name__
)
def test_messages_fit_the_kind_of_job(kind: type[JobQueue[Job]], workspace: Workspace) -> None:
    job = end_of(failing(kind, MemoryError), workspace)
    assert job.state == "failed"
    assert job.error == f"This {kind.unit} ran out of memory. {kind.memory_advice}"
    is_about_recordings = kind in (PreparationQueue, TranscriptionQueue)
    assert ("recording" in job.error) == is_about_recordings
    job = end_of(failing(kind, ZeroDivisionError), workspace)
    assert f"This {kind.unit} failed because of an error inside the program" in str(job.error)
    assert "recording" not in str(job.error)


class _Steps(JobQueue[Job]):
    """Runs a function as its job."""

    def __init__(self, steps: Callable[["_Steps", JobHandle[Job]], None]) -> None:
        super().__init__()
        self._steps = steps

    def run(self, handle: JobHandle[Job]) -> None:
        self._steps(self, handle)


def test_a_job_says_what_it_does_and_estimates_the_time_left(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((0.0, 0.1, 4.0))
    seen: list[Job] = []

    def steps(queue: _Steps, handle: JobHandle[Job]) -> None:
        assert (handle.job.state, handle.job.note) == ("running", "Starting")
        monkeypatch.setattr("lab.jobs.queue.time", SimpleNamespace(monotonic=lambda: next(clock)))
        on_progress = queue.progress(handle)
        for done in (1, 4):
            on_progress(done, 10, "Counting")
            seen.append(handle.job)

    job = end_of(_Steps(steps), workspace)
    assert [(one.note, one.progress, one.seconds_left) for one in seen] == [
        ("Counting", 0.1, None),
        ("Counting", 0.4, pytest.approx(6.0)),
    ]
    assert (job.state, job.note, job.progress) == ("done", "Done", 1.0)


def test_a_stopped_job_says_whether_it_had_started(workspace: Workspace) -> None:
    both_are_queued = threading.Event()

    def steps(queue: _Steps, handle: JobHandle[Job]) -> None:
        both_are_queued.wait(60)
        queue.stop(workspace, second)
        queue.stop(workspace, handle.job.id)
        with pytest.raises(Cancelled):
            queue.progress(handle)(1, 2)
        raise Cancelled

    queue = _Steps(steps)
    first = queue.submit(Job(workspace))
    second = queue.submit(Job(workspace))
    both_are_queued.set()
    assert wait_for(queue, workspace, first).note == "Stopped"
    assert wait_for(queue, workspace, second).note == "Stopped before it started"


def test_a_worker_survives_what_fails() -> None:
    worker, is_done = Worker("test"), threading.Event()

    def fail() -> None:
        raise ZeroDivisionError

    worker.submit(fail)
    worker.submit(is_done.set)
    assert is_done.wait(60)
