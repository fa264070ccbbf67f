"""Estimates of training time and memory in the background."""

import pytest

from lab.core.progress import Progress
from lab.core.workspace import Workspace
from lab.jobs.estimate import EstimateJob, EstimateQueue
from lab.training.config import Config
from tests.support.waiting import wait_for


def test_a_missing_dataset_fails_the_job(workspace: Workspace) -> None:
    queue = EstimateQueue()
    job = wait_for(queue, workspace, queue.submit(EstimateJob(workspace, Config(dataset="gone"))))
    assert job.state == "failed"
    assert "no dataset" in str(job.error)


def test_stopping_ends_the_estimate(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: object, on_progress: Progress) -> None:
        while True:
            on_progress(1, 2, "Trying two batches")

    monkeypatch.setattr("lab.jobs.estimate.estimate_training", ask)
    queue = EstimateQueue()
    number = queue.submit(EstimateJob(workspace, Config()))
    wait_for(queue, workspace, number, until=lambda job: job.state == "running")
    queue.stop(workspace, number)
    assert wait_for(queue, workspace, number).state == "stopped"
