"""Tasks for the model of a run in the background: evaluation, health check, publishing, export."""

from dataclasses import dataclass
from typing import Literal

from filelock import Timeout

from lab.core.errors import OptionsError
from lab.core.progress import Progress
from lab.core.workspace import remove
from lab.evaluation import reference_clips
from lab.export import Verification, export_and_verify
from lab.export.model_card import build_run_card
from lab.export.store import export_dir, list_exports
from lab.health import check_run
from lab.jobs.queue import Job, JobHandle, JobQueue
from lab.training import runs
from lab.training.models import evaluate_run, load_model, publish
from lab.training.provenance import weights_fingerprint
from lab.training.run import Run

_VERIFICATION_CLIPS = 20
# A training process reports that it is done shortly before it exits and releases its lock.
_LOCK_TIMEOUT_S = 15.0

Task = Literal["keep", "evaluate", "health", "publish", "export"]
_UNITS: dict[Task, str] = {
    "keep": "selection of the best checkpoint",
    "evaluate": "evaluation",
    "health": "regression check",
    "publish": "publication",
    "export": "export",
}


@dataclass(frozen=True)
class RunTaskJob(Job):
    """A snapshot of one task.

    name: name to publish the model under
    file_format, precision: of an export
    verification: of a finished export
    """

    run: Run
    task: Task
    name: str = ""
    file_format: str = ""
    precision: str = ""
    verification: Verification | None = None


class RunTaskQueue(JobQueue[RunTaskJob]):
    """Evaluates, checks, publishes and exports models of runs; keeps the best checkpoint of one."""

    unit = "task"

    def unit_of(self, job: RunTaskJob) -> str:
        return _UNITS[job.task]

    def run(self, handle: JobHandle[RunTaskJob]) -> None:
        """Do the task; if stopped or failed, no partial result is left behind."""
        job = handle.job
        if job.task != "keep" and not job.run.model_path.is_file():
            raise OptionsError(f"Run {job.run.name} has no model yet. Wait until it has finished.")
        if not job.run.folder.is_dir():
            raise OptionsError(f"Run {job.run.name} no longer exists.")
        try:
            lock = job.run.lock().acquire(timeout=_LOCK_TIMEOUT_S)
        except Timeout:
            raise OptionsError(
                f"Run {job.run.name} is in use: it is still training, or another program has it "
                "open. Try again when that has finished."
            ) from None
        with lock:
            runs.clean_up(job.run)
            self._run_task(handle, self.progress(handle))

    def _run_task(self, handle: JobHandle[RunTaskJob], on_progress: Progress) -> None:
        job = handle.job
        if job.task == "keep":
            from lab.training.run_model import keep_best_checkpoint

            keep_best_checkpoint(job.run, on_progress=on_progress)
        elif job.task == "evaluate":
            evaluate_run(job.run, on_progress=on_progress)
        elif job.task == "health":
            check_run(job.run, on_progress=on_progress)
        elif job.task == "publish":
            publish(
                job.run,
                job.name,
                job.workspace.models_dir,
                card=build_run_card(job.run, name=job.name),
                on_progress=on_progress,
            )
        else:
            self.update(handle, verification=_export(job, on_progress))


def _export(job: RunTaskJob, on_progress: Progress) -> Verification:
    target = export_dir(job.workspace, job.run, job.file_format, job.precision)
    if (job.file_format, job.precision) not in list_exports(job.workspace, job.run):
        remove(target)  # an export of other weights, if there is one
    return export_and_verify(
        lambda loading: load_model(job.workspace, str(job.run.folder), on_progress=loading),
        target,
        reference_clips.find(job.workspace, job.run.config.dataset, _VERIFICATION_CLIPS),
        file_format=job.file_format,
        precision=job.precision,
        card=build_run_card(job.run),
        weights_fingerprint=weights_fingerprint(job.run.model_path),
        on_progress=on_progress,
    )
