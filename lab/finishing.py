"""What is done with the model of a run, in the background of the app.

model-exports/RUN-FORMAT-PRECISION/   exports with their proofs, as `lab.export` writes them
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lab import spoken
from lab.dataset import find
from lab.errors import LabError, OptionsError, WorkspaceError
from lab.export import Proof, export_with_proof, load_model, publish
from lab.health import check_run
from lab.jobs import Entry, Job, JobQueue
from lab.model_card import card_of_run
from lab.progress import Progress
from lab.spoken import Spoken
from lab.training.runs import Run
from lab.workspace import Workspace, child

if TYPE_CHECKING:
    from whisper.model import Whisper

FOLDER = "model-exports"
_PROOF_CLIPS = 20

Task = Literal["evaluate", "health", "publish", "export"]


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
    """Evaluates, checks, publishes and exports the models of runs."""

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
        job, on_progress = entry.job, self.watch(entry)
        if not job.run.model_path.is_file():
            raise OptionsError(f"The run {job.run.name} has no model yet. Let it finish first.")
        if job.task == "evaluate":
            from lab.training.afterwards import evaluate_run

            evaluate_run(job.run, on_progress=on_progress)
        elif job.task == "health":
            check_run(job.run, on_progress=on_progress)
        elif job.task == "publish":
            publish(
                job.run.model_path,
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

    return export_with_proof(
        load,
        export_dir(job.workspace, job.run, job.file_format, job.precision),
        _clips(job),
        file_format=job.file_format,
        precision=job.precision,
        card=card_of_run(job.run),
        on_progress=on_progress,
    )


def _clips(job: FinishJob) -> list[Spoken]:
    """Clips to prove an export with; none where the dataset is gone."""
    try:
        return spoken.from_dataset(find(job.workspace, job.run.config.dataset), _PROOF_CLIPS)
    except LabError:
        return []
