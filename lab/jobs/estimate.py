"""Estimates of training time and memory in the background, from two batches."""

from dataclasses import dataclass

from lab.jobs.queue import Job, JobHandle, JobQueue
from lab.training.config import Config
from lab.training.estimate import Estimate, estimate_training


@dataclass(frozen=True)
class EstimateJob(Job):
    """A snapshot of one estimate. estimate: the result; None until it is done"""

    config: Config
    estimate: Estimate | None = None


class EstimateQueue(JobQueue[EstimateJob]):
    """Measures in a subprocess, so that this process never holds training memory."""

    unit = "estimate"
    memory_advice = "Choose a smaller model or a smaller batch size."

    def run(self, handle: JobHandle[EstimateJob]) -> None:
        """Train on two batches and measure."""
        job = handle.job
        result = estimate_training(job.workspace, job.config, on_progress=self.progress(handle))
        self.update(handle, estimate=result)
