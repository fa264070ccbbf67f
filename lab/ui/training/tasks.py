"""Tasks for the model of a run, lined up by buttons."""

from collections.abc import Sequence

from lab import finishing
from lab.finishing import FinishJob
from lab.training.runs import Run
from lab.ui.state import finish_queue
from lab.workspace import Workspace


def is_busy(workspace: Workspace, run: Run, task: finishing.Task) -> bool:
    jobs: Sequence[FinishJob] = finish_queue().jobs(workspace)
    return any(job.run == run and job.task == task and not job.is_over for job in jobs)


def submit(workspace: Workspace, run: Run, task: finishing.Task, **settings: str) -> None:
    finish_queue().submit(workspace, run, task, **settings)
