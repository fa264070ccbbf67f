"""Waiting for jobs in the background."""

import time
from collections.abc import Callable

import pytest

from lab.core.workspace import Workspace
from lab.jobs.queue import J, JobQueue


def wait_for(
    queue: JobQueue[J],
    workspace: Workspace,
    number: int,
    until: Callable[[J], bool] = lambda job: job.is_finished,
) -> J:
    """The job of that number, once it has got so far; the test fails after a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job = next(job for job in queue.jobs(workspace) if job.id == number)
        if until(job):
            return job
        time.sleep(0.01)
    pytest.fail(f"the job did not get there: {job}")
