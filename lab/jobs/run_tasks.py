"""What is done with the model of a run, in the background of the app.

model-exports/RUN-FORMAT-PRECISION/   exports with their proofs, as `lab.export` writes them
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from filelock import Timeout

from lab.core.errors import LabError, OptionsError
from lab.core.progress import Progress
from lab.core.workspace import Workspace, remove
from lab.dataset import find
from lab.evaluation import reference_clips
from lab.evaluation.reference_clips import Spoken
from lab.export import Proof, export_with_proof
from lab.export.model_card import card_of_run
from lab.export.store import export_dir, exports_of
from lab.health import check_run
from lab.jobs.queue import Entry, Job, JobQueue
from lab.training import leftovers, runs
from lab.training.models import load_model, publish
from lab.training.provenance import fingerprint
from lab.training.runs import Run

if TYPE_CHECKING:
    from whisper.model import Whisper

_PROOF_CLIPS = 20
# A run says that it is done some moments before its process has let go of it.
_LET_GO_S = 15.0

Task = Literal["keep", "evaluate", "health", "publish", "export"]


@dataclass(frozen=True)
class FinishJob(Job):
    """What is known at this moment of something that is done with a run.

    name: that the model is published under
    file_format, precision: of an export; proof: of an export that is finished
    """

    run: Run
    task: Task
    name: str = ""
    file_format: str = ""
    precision: str = ""
    proof: Proof | None = None


class FinishQueue(JobQueue[FinishJob]):
    """Evaluates, checks, publishes and exports the models of runs; makes one of a best state."""

    def submit(
        self,
        workspace: Workspace,
        run: Run,
        task: Task,
        *,
        name: str = "",
        file_format: str = "",
        precision: str = "",
    ) -> int:
        """Line up a task for a run; returns the number of the job."""
        return self.line_up(
            lambda number: FinishJob(number, workspace, run, task, name, file_format, precision)
        )

    def work_on(self, entry: Entry[FinishJob]) -> None:
        """Do the task; stopped or failed, it leaves nothing half-made."""
        job = entry.job
        if job.task != "keep" and not job.run.model_path.is_file():
            raise OptionsError(f"The run {job.run.name} has no model yet. Let it finish first.")
        if not job.run.folder.is_dir():
            raise OptionsError(f"There is no run {job.run.name} any more.")
        try:
            lock = runs.lock_of(job.run).acquire(timeout=_LET_GO_S)
        except Timeout:
            raise OptionsError(
                f"The run {job.run.name} is being trained, or another program works on it. Wait "
                "until that has ended."
            ) from None
        with lock:
            leftovers.sweep(job.run)
            self._work_on(entry, self.watch(entry))

    def _work_on(self, entry: Entry[FinishJob], on_progress: Progress) -> None:
        job = entry.job
        if job.task == "keep":
            from lab.training.keeping import keep_best

            keep_best(job.run, on_progress=on_progress)
        elif job.task == "evaluate":
            from lab.training.afterwards import evaluate_run

            evaluate_run(job.run, on_progress=on_progress)
        elif job.task == "health":
            check_run(job.run, on_progress=on_progress)
        elif job.task == "publish":
            publish(
                job.run,
                job.name,
                job.workspace.models_dir,
                card=card_of_run(job.run, name=job.name),
                on_progress=on_progress,
            )
        else:
            self.update(entry, proof=_export(job, on_progress))


def _export(job: FinishJob, on_progress: Progress) -> Proof:
    def load(loading: Progress) -> "Whisper":
        return load_model(job.workspace, str(job.run.folder), on_progress=loading)

    target = export_dir(job.workspace, job.run, job.file_format, job.precision)
    if (job.file_format, job.precision) not in exports_of(job.workspace, job.run):
        remove(target)  # of other weights, if there is one
    return export_with_proof(
        load,
        target,
        _clips(job),
        file_format=job.file_format,
        precision=job.precision,
        card=card_of_run(job.run),
        origin=fingerprint(job.run.model_path),
        on_progress=on_progress,
    )


def _clips(job: FinishJob) -> list[Spoken]:
    """Clips to prove an export with; none where the dataset is gone."""
    try:
        return reference_clips.from_dataset(
            find(job.workspace, job.run.config.dataset), _PROOF_CLIPS
        )
    except LabError:
        return []
