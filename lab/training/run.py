"""A training run: a folder, and the files through which its process and everyone else communicate.

Only files are read and written here, so that a page can poll every second and a run continues
whatever happens to the page or the app. Torch is not imported.
"""

import os
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import psutil
from filelock import FileLock

from lab.core.errors import LabError, WorkspaceError, disk_errors
from lab.core.renamed_keys import current_names
from lab.core.workspace import Workspace, read_json, write_json
from lab.training.config import Config

CONFIG, DATASET, LOG, SENTENCES = "config.yaml", "dataset.json", "log.txt", "sentences.json"
MODEL, HEALTH = "model.pt", "health.json"
_STATE, _STOP, _LOCK = "state.json", ".stop", ".lock"
# A process that has not reported by then has failed.
_START_S = 60.0
# The system clock, which dates the start of a process, may be adjusted meanwhile.
_SAME_START_S = 5.0
# With less free space than this, a full disk is the likely cause of a failure.
_FULL_BYTES = 1 << 20


@dataclass(frozen=True)
class RunState:
    """The state of a run, as stored in its folder.

    note: what it is doing, in a few words
    step, total_steps: batches; total_steps is 0 until the clips are counted
    seconds_left: estimated time left in the training, None while unknown
    error: why it failed, and what to do
    warnings: sentences about clips left out and unwise settings
    clips_per_s: recent training speed
    best_wer, first_wer: validation WER: the best so far, and before the first step
    asked_at: when it was queued or created, in seconds since 1970; the earliest trains first
    pid, process_started: the training process, and when it started, since ids are reused
    """

    state: Literal["waiting", "running", "stopping", "stopped", "failed", "done"] = "stopped"
    note: str = "Not started yet"
    step: int = 0
    total_steps: int = 0
    epoch: float = 0.0
    seconds_left: float | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()
    clips_per_s: float | None = None
    best_wer: float | None = None
    first_wer: float | None = None
    asked_at: float = 0.0
    pid: int | None = None
    process_started: float | None = None

    @property
    def is_over(self) -> bool:
        return self.state in ("stopped", "failed", "done")

    @property
    def share(self) -> float:
        """The fraction of the steps taken, 0 to 1."""
        return self.step / self.total_steps if self.total_steps else 0.0


@dataclass(frozen=True)
class Run:
    """A run; its files are in `folder`."""

    name: str
    folder: Path

    @property
    def workspace(self) -> Workspace:
        """The workspace that the run belongs to."""
        return Workspace(self.folder.parents[1])

    @property
    def config(self) -> Config:
        """The settings; raises WorkspaceError if the file cannot be read."""
        with disk_errors(self.config_path, "Start a new run.", action="read"):
            return Config.from_yaml(self.config_path.read_text(encoding="utf-8"))

    @property
    def config_path(self) -> Path:
        return self.folder / CONFIG

    @property
    def provenance_path(self) -> Path:
        """What `lab.training.provenance` records about the dataset and this machine."""
        return self.folder / DATASET

    @property
    def model_path(self) -> Path:
        """The best model, once there is one."""
        return self.folder / MODEL

    @property
    def log_path(self) -> Path:
        return self.folder / LOG

    @property
    def clips_dir(self) -> Path:
        """The prepared examples, while the run may still be resumed."""
        return self.folder / "clips"

    @property
    def checkpoints_dir(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def last_checkpoint(self) -> Path:
        """The checkpoint to resume from."""
        return self.checkpoints_dir / "last.ckpt"

    @property
    def best_checkpoint(self) -> Path:
        """The checkpoint with the lowest validation WER, until the run is done."""
        return self.checkpoints_dir / "best.ckpt"

    def lock(self) -> FileLock:
        """Held by whoever trains the run or works with its model."""
        return FileLock(self.folder / _LOCK)

    def status(self) -> RunState:
        """The current state; a run whose process is gone has failed, and can be resumed."""
        state = self.stored_state()
        if state.is_over:
            return state
        if not _is_alive(state):
            error = _why_ended(self, state)
            return replace(
                state, state="failed", note="Ended unexpectedly", seconds_left=None, error=error
            )
        if self.stop_requested:
            return replace(state, state="stopping", note="Saving a checkpoint, then stopping")
        return state

    def stored_state(self) -> RunState:
        """The state as last written, whether or not the process is still alive."""
        try:
            content = read_json(self.folder / _STATE)
        except WorkspaceError:
            return RunState(note="Its state cannot be read")
        known = {field.name for field in fields(RunState)}
        values = {key: value for key, value in content.items() if key in known}
        return RunState(**{**values, "warnings": tuple(values.get("warnings", ()))})

    def store_state(self, state: RunState) -> None:
        """Write the state; raises WorkspaceError if writing fails."""
        write_json(self.folder / _STATE, asdict(state))

    def update(self, **changes: object) -> None:
        """Change fields of the stored state; raises WorkspaceError if writing fails."""
        self.store_state(replace(self.stored_state(), **changes))  # type: ignore[arg-type]

    def enqueue(self) -> None:
        """Join the queue of the runs that wait to train."""
        (self.folder / _STOP).unlink(missing_ok=True)
        self.update(
            state="waiting",
            note="Waiting for its turn",
            error=None,
            seconds_left=None,
            asked_at=time.time(),
            pid=None,
            process_started=None,
        )

    def claim(self) -> None:
        """Record this process as the one that trains the run."""
        self.update(pid=os.getpid(), process_started=psutil.Process().create_time())

    def stop(self) -> None:
        """Ask the run to save a checkpoint and stop, at the end of a step or a validation."""
        if not self.status().is_over:
            (self.folder / _STOP).touch()

    @property
    def stop_requested(self) -> bool:
        return (self.folder / _STOP).exists()

    def finish(self, **changes: object) -> None:
        """Record how the run ended."""
        self.update(**changes, pid=None, process_started=None)
        (self.folder / _STOP).unlink(missing_ok=True)

    def sample_transcripts(self) -> dict[str, Any]:
        """How the model transcribes some validation clips; empty before the first validation.

        `clips`: file_name and reference of each; `transcripts`: step and texts of each validation
        """
        path = self.folder / SENTENCES
        return current_names(SENTENCES, read_json(path)) if path.exists() else {}

    def store_sample_transcripts(self, samples: dict[str, Any]) -> None:
        """Replace what `sample_transcripts` returns; raises WorkspaceError if writing fails."""
        write_json(self.folder / SENTENCES, samples)

    def log_tail(self, n_lines: int = 100) -> list[str]:
        """The last lines of the log."""
        try:
            with self.log_path.open("rb") as file:
                file.seek(max(file.seek(0, os.SEEK_END) - 200 * n_lines, 0))
                return file.read().decode("utf-8", "replace").splitlines()[-n_lines:]
        except OSError:
            return []

    @property
    def recovery_advice(self) -> str:
        """What to do about a failed run, in a sentence."""
        if self.last_checkpoint.exists():
            return "Resume the run: it continues from the last checkpoint."
        return "No checkpoint was saved yet: start the run again."


def is_main_process() -> bool:
    """Whether this is the one process, of those Lightning starts, that reports for a run."""
    return all(os.environ.get(rank, "0") == "0" for rank in ("LOCAL_RANK", "NODE_RANK"))


def _is_alive(state: RunState) -> bool:
    if state.pid is None:
        return time.time() - state.asked_at < _START_S
    try:
        process = psutil.Process(state.pid)
        return (
            abs(process.create_time() - (state.process_started or 0)) < _SAME_START_S
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.Error:
        return False


def _why_ended(run: Run, state: RunState) -> str:
    if state.pid is None:
        return "The training process did not start; the log says more. Try again."
    if shutil.disk_usage(run.folder).free < _FULL_BYTES:
        return "The training ended because the disk is full. Free some space and resume it."
    advice = (
        "The training process ended without an error message: it was killed, the machine was "
        f"switched off, or it ran out of memory. {run.recovery_advice}"
    )
    if not run.last_checkpoint.exists():
        with suppress(LabError):  # settings that cannot be read
            if size := run.config.batch_size // 2:
                advice += f" If that happens again, start a run with batch_size {size}."
    return advice
