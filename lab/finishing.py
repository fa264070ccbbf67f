"""What is done with the model of a run, in the background of the app.

model-exports/RUN-FORMAT-PRECISION/   exports with their proofs, as `lab.export` writes them
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from filelock import Timeout

from lab import spoken
from lab.dataset import find
from lab.errors import LabError, OptionsError, WorkspaceError
from lab.export import FORMATS, Proof, export_with_proof, load_model, origin, publish
from lab.health import check_run
from lab.jobs import Entry, Job, JobQueue
from lab.model_card import card_of_run
from lab.progress import Progress
from lab.spoken import Spoken
from lab.training import leftovers, runs
from lab.training.runs import Run
from lab.workspace import Workspace, child

if TYPE_CHECKING:
    from whisper.model import Whisper

FOLDER = "model-exports"
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


def export_dir(workspace: Workspace, run: Run, file_format: str, precision: str) -> Path:
    """Where an export of a run lies."""
    return child(workspace.root / FOLDER, f"{run.name}-{file_format}-{precision}")


def exports_of(workspace: Workspace, run: Run) -> dict[tuple[str, str], Path]:
    """The exports of the model that a run has now, by format and precision.

    One that outlived another run of that name, or that was made of another state, is none of them.
    """
    weights = origin.fingerprint(run.model_path)
    found = {
        (file_format, precision): export_dir(workspace, run, file_format, precision)
        for file_format, settings in FORMATS.items()
        for precision in settings.precisions
    }
    return {
        key: folder
        for key, folder in found.items()
        if folder.is_dir() and weights and origin.noted(folder) == weights
    }


def delete_export(folder: Path) -> None:
    """Remove an export; raises WorkspaceError."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:  # another tab was first
        pass
    except OSError as error:
        raise WorkspaceError(f"{folder} cannot be removed ({error.strerror or error}).") from error


def _export(job: FinishJob, on_progress: Progress) -> Proof:
    def load(loading: Progress) -> "Whisper":
        return load_model(job.workspace, str(job.run.folder), on_progress=loading)

    target = export_dir(job.workspace, job.run, job.file_format, job.precision)
    if (job.file_format, job.precision) not in exports_of(job.workspace, job.run):
        delete_export(target)  # of other weights, if there is one
    return export_with_proof(
        load,
        target,
        _clips(job),
        file_format=job.file_format,
        precision=job.precision,
        card=card_of_run(job.run),
        origin=origin.fingerprint(job.run.model_path),
        on_progress=on_progress,
    )


def _clips(job: FinishJob) -> list[Spoken]:
    """Clips to prove an export with; none where the dataset is gone."""
    try:
        return spoken.from_dataset(find(job.workspace, job.run.config.dataset), _PROOF_CLIPS)
    except LabError:
        return []
