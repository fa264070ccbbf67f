"""Tasks for the model of a run, lined up by buttons."""

from collections.abc import Sequence

from lab.core.workspace import Workspace
from lab.jobs.run_tasks import RunTaskJob, Task
from lab.training.run import Run
from lab.ui.resources import run_task_queue


def is_busy(workspace: Workspace, run: Run, task: Task | None = None, **settings: str) -> bool:
    """Whether a task is lined up or under way for a run, with these settings.

    task: without one, whether any is
    """
    jobs: Sequence[RunTaskJob] = run_task_queue().jobs(workspace)
    return any(
        job.run == run
        and task in (None, job.task)
        and not job.is_finished
        and all(getattr(job, name) == value for name, value in settings.items())
        for job in jobs
    )


def submit(
    workspace: Workspace,
    run: Run,
    task: Task,
    *,
    name: str = "",
    file_format: str = "",
    precision: str = "",
) -> None:
    run_task_queue().submit(RunTaskJob(workspace, run, task, name, file_format, precision))
