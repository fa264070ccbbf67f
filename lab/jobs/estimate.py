"""Trainings that are tried with two batches in the background of the app."""

from dataclasses import dataclass

from lab.core.workspace import Workspace
from lab.jobs.queue import Entry, Job, JobQueue
from lab.training import estimate
from lab.training.config import Config
from lab.training.estimate import Estimate


@dataclass(frozen=True)
class EstimateJob(Job):
    """What is known of one trial at this moment. estimate: once it is done."""

    config: Config
    estimate: Estimate | None = None


class EstimateQueue(JobQueue[EstimateJob]):
    """Measures in processes of their own, so that nothing of torch is in this one."""

    def submit(self, workspace: Workspace, config: Config) -> int:
        """Line up settings; returns the number of the job."""
        return self.line_up(lambda number: EstimateJob(number, workspace, config))

    def work_on(self, entry: Entry[EstimateJob]) -> None:
        """Measure."""
        job = entry.job
        found = estimate.ask(job.workspace, job.config, on_progress=self.watch(entry))
        self.update(entry, estimate=found)
