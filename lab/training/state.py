"""A run and where it is: the files by which the process that trains and all others know it."""

import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Literal

import psutil

from lab.core.errors import LabError, WorkspaceError
from lab.core.workspace import Workspace, read_json, write_json
from lab.training.config import Config

RUNS, CONFIG, DATASET, LOG = "runs", "config.yaml", "dataset.json", "log.txt"
SENTENCES, MODEL, CHECKPOINTS = "sentences.json", "model.pt", "checkpoints"
LAST, BEST = "last.ckpt", "best.ckpt"
CLIPS, HEALTH = "clips", "health.json"
_STATE, _STOP = "state.json", ".stop"
# A process that has been started says so within this time, or it never will.
_START_S = 60.0
# The system's clock, which tells when a process began, may be set right meanwhile.
_SAME_START_S = 5.0
# With less than this free, what ended was most likely for want of it.
_FULL_BYTES = 1 << 20

Name = Literal["waiting", "running", "stopping", "stopped", "failed", "done"]


@dataclass(frozen=True)
class State:
    """Where a run is.

    note: what it is doing, in a few words
    step, total_steps: batches; total_steps is 0 until the clips are counted
    seconds_left: an estimate of what is left of the training, None where there is none yet
    error: why it failed, and what to do
    warnings: sentences about what is left out or hardly wise
    clips_per_s: learned from, lately
    best_wer, first_wer: of validation: the best so far, and before anything was learned
    asked_at: when it was started or made, seconds since 1970; who asked first is first
    pid, process_started: the process that trains, and when it began, for ids are used again
    """

    state: Name = "stopped"
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
        """How much is done, 0 to 1."""
        return self.step / self.total_steps if self.total_steps else 0.0


@dataclass(frozen=True)
class Run:
    """A run; its files are below `folder`."""

    name: str
    folder: Path

    @property
    def config(self) -> Config:
        """What was set; raises WorkspaceError where the file cannot be read."""
        try:
            return Config.from_yaml((self.folder / CONFIG).read_text(encoding="utf-8"))
        except OSError as error:
            raise WorkspaceError(
                f"{self.folder / CONFIG} cannot be read ({error.strerror}). Begin a new run."
            ) from error

    @property
    def workspace(self) -> Workspace:
        """The workspace that the run belongs to."""
        return Workspace(self.folder.parents[1])

    @property
    def model_path(self) -> Path:
        return self.folder / MODEL

    @property
    def last_path(self) -> Path:
        return self.folder / CHECKPOINTS / LAST


def status(run: Run) -> State:
    """Where a run is; one whose process is gone has failed, and can be resumed."""
    state = read(run)
    if state.is_over:
        return state
    if not _is_alive(state):
        return replace(
            state,
            state="failed",
            note="Ended unexpectedly",
            seconds_left=None,
            error=_why_ended(run, state),
        )
    if (run.folder / _STOP).exists():
        return replace(state, state="stopping", note="Saving, to stop")
    return state


def ask(run: Run) -> None:
    """Stand in the line of runs that want to train."""
    (run.folder / _STOP).unlink(missing_ok=True)
    before = read(run)
    write(
        run,
        replace(
            before,
            state="waiting",
            note="Waiting for its turn",
            error=None,
            seconds_left=None,
            asked_at=time.time(),
            pid=None,
            process_started=None,
        ),
    )


def update(run: Run, **changes: object) -> None:
    """Write fields of a run's state anew."""
    write(run, replace(read(run), **changes))  # type: ignore[arg-type]


def end(run: Run, **changes: object) -> None:
    """Write how a run ended."""
    update(run, **changes, pid=None, process_started=None)
    (run.folder / _STOP).unlink(missing_ok=True)


def way_on(run: Run) -> str:
    """What to do with a run that has failed, in a sentence."""
    if run.last_path.exists():
        return "Resume the run: it goes on from the last state that was saved."
    return "It had not saved anything yet: start the run again."


def this_process() -> Mapping[str, object]:
    """What tells this process from all others."""
    return {"pid": os.getpid(), "process_started": psutil.Process().create_time()}


def is_main_process() -> bool:
    """Whether this is the one that speaks for a run, of the processes that Lightning starts."""
    return all(os.environ.get(rank, "0") == "0" for rank in ("LOCAL_RANK", "NODE_RANK"))


def ask_to_stop(run: Run) -> None:
    """Leave word for the process that trains."""
    (run.folder / _STOP).touch()


def is_asked_to_stop(run: Run) -> bool:
    return (run.folder / _STOP).exists()


def read(run: Run) -> State:
    """What was last written, whether or not the process is still there."""
    try:
        content = read_json(run.folder / _STATE)
    except WorkspaceError:
        return State(note="Nothing is known of it")
    known = {one.name for one in fields(State)}
    values = {key: value for key, value in content.items() if key in known}
    return State(**{**values, "warnings": tuple(values.get("warnings", ()))})


def write(run: Run, state: State) -> None:
    """Raises WorkspaceError when the disk refuses."""
    write_json(run.folder / _STATE, asdict(state))


def _is_alive(state: State) -> bool:
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


def _why_ended(run: Run, state: State) -> str:
    if state.pid is None:
        return "The process that trains did not start; the log says more. Try again."
    why = (
        "The process that trained ended without a word: it was ended from outside, the machine was "
        "switched off, or its memory was full."
    )
    if shutil.disk_usage(run.folder).free < _FULL_BYTES:
        return "The disk is full, and so the training ended. Free some space and resume it."
    smaller = ""
    if not run.last_path.exists():
        with suppress(LabError):  # settings that nobody can read any more
            size = run.config.batch_size // 2
            smaller = f" If it ends so again, begin a run with a batch of {size}." if size else ""
    return f"{why} {way_on(run)}{smaller}"
