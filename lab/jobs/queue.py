"""Background jobs of the app: queues, the workers that run them, and what is known of each job.

A job outlives the page that submitted it: leaving the page or reloading the tab does not stop it.
Jobs that compete for the same resource, such as the model, share a worker, because running two at
once is no faster than running them one after the other.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, replace
from itertools import count
from queue import SimpleQueue
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar

from lab.core.errors import LabError
from lab.core.progress import Cancelled, Progress
from lab.core.workspace import Workspace

if TYPE_CHECKING:
    from lab.asr.engine import Engine
    from lab.asr.pool import EnginePool

log = logging.getLogger(__name__)

State = Literal["queued", "running", "done", "stopped", "failed"]


@dataclass(frozen=True)
class Job:
    """A snapshot of a job; the fields below `workspace` are set by its queue.

    note: what it is doing, in a few words
    progress: fraction completed, 0 to 1
    seconds_left: estimated remaining time; None while unknown
    submitted_at: `time.monotonic()` when it was submitted
    error: why it failed, for people; None unless it failed
    """

    workspace: Workspace
    _: KW_ONLY
    id: int = 0
    state: State = "queued"
    note: str = "Queued"
    progress: float = 0.0
    seconds_left: float | None = None
    submitted_at: float = field(default_factory=time.monotonic)
    error: str | None = None

    @property
    def is_finished(self) -> bool:
        return self.state in ("done", "stopped", "failed")


J = TypeVar("J", bound=Job)


@dataclass
class JobHandle(Generic[J]):
    """The queue's mutable record of a job: its latest snapshot and its stop flag."""

    job: J
    stop: threading.Event = field(default_factory=threading.Event)


class Worker:
    """A background thread that runs functions in the order they were submitted."""

    def __init__(self, name: str) -> None:
        self._functions: SimpleQueue[Callable[[], object]] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, function: Callable[[], object]) -> None:
        """Run `function` after everything submitted before it."""
        self._functions.put(function)

    def _run(self) -> None:
        while True:
            function = self._functions.get()
            try:
                function()
            except Exception:  # the thread must survive, or later jobs would never start
                log.exception("a background function failed")


def repeat(function: Callable[[], object], *, every_s: float, name: str) -> None:
    """Call `function` every `every_s` seconds in a daemon thread called `name`."""

    def run() -> None:
        while True:
            time.sleep(every_s)
            function()

    threading.Thread(target=run, name=name, daemon=True).start()


class JobQueue(Generic[J]):
    """Runs jobs of all workspaces first come, first served; each workspace sees only its own.

    A subclass says what one of its jobs is called (`unit`) and what a person can do when memory
    runs out (`memory_advice`); both appear in error messages.
    """

    unit: ClassVar[str] = "job"
    memory_advice: ClassVar[str] = "Close other programs and try again."

    def __init__(self, worker: Worker | None = None) -> None:
        """worker: runs the jobs, possibly shared with other queues; None starts a new one"""
        self.worker = worker or Worker(type(self).__name__)
        self._lock = threading.Lock()
        self._handles: dict[int, JobHandle[J]] = {}
        self._ids = count(1)

    def run(self, handle: JobHandle[J]) -> None:
        """Do the job. Raises LabError if it fails, Cancelled if it was stopped."""
        raise NotImplementedError

    def unit_of(self, job: J) -> str:  # noqa: ARG002
        """What a job is called in messages, for queues whose jobs are of several kinds."""
        return self.unit

    def submit(self, job: J) -> int:
        """Add a job to the queue; returns its id."""
        with self._lock:
            job_id = next(self._ids)
            self._handles[job_id] = JobHandle(replace(job, id=job_id))
        self.worker.submit(lambda: self._start(job_id))
        return job_id

    def jobs(self, workspace: Workspace) -> list[J]:
        """The jobs of `workspace`, oldest first."""
        with self._lock:
            handles = list(self._handles.values())
        return [handle.job for handle in handles if handle.job.workspace == workspace]

    def stop(self, workspace: Workspace, job_id: int) -> None:
        """Stop a job of `workspace`; the results it has saved are kept."""
        with self._lock:
            handle = self._handles.get(job_id)
            if handle is None or handle.job.workspace != workspace:
                return
            handle.stop.set()
            if handle.job.state == "queued":
                handle.job = replace(handle.job, state="stopped", note="Stopped before it started")

    def clear(self, workspace: Workspace) -> None:
        """Remove the finished jobs of `workspace` from the list; their results are kept."""
        with self._lock:
            for job_id, handle in list(self._handles.items()):
                if handle.job.workspace == workspace and handle.job.is_finished:
                    del self._handles[job_id]

    def update(self, handle: JobHandle[J], **changes: object) -> None:
        """Replace fields of a job atomically."""
        with self._lock:
            handle.job = replace(handle.job, **changes)  # type: ignore[arg-type]

    def progress(self, handle: JobHandle[J], note: str = "") -> Progress:
        """A progress callback that updates the job, and raises Cancelled once it is stopped.

        note: shown instead of the notes passed to the callback
        """
        started, fixed_note = time.monotonic(), note

        def on_progress(done: float, total: float, note: str = "") -> None:
            if handle.stop.is_set():
                raise Cancelled
            fraction = min(done / total, 1.0) if total > 0 else 0.0
            elapsed_s = time.monotonic() - started
            # Extrapolating from the first moments would be meaningless.
            can_estimate = fraction > 0.02 and elapsed_s > 1
            self.update(
                handle,
                note=fixed_note or note,
                progress=fraction,
                seconds_left=elapsed_s * (1 - fraction) / fraction if can_estimate else None,
            )

        return on_progress

    def _start(self, job_id: int) -> None:
        with self._lock:
            handle = self._handles.get(job_id)
            if handle is None or handle.stop.is_set():
                return
            handle.job = replace(handle.job, state="running", note="Starting")
        try:
            self.run(handle)
        except Cancelled:
            self.update(handle, state="stopped", note="Stopped")
        except LabError as error:
            self._fail(handle, str(error))
        except MemoryError:
            unit = self.unit_of(handle.job)
            self._fail(handle, f"This {unit} ran out of memory. {self.memory_advice}")
        except Exception:
            cause = "failed because of an error inside the program; its log has the details"
            self._fail(
                handle, f"This {self.unit_of(handle.job)} {cause}. Other jobs are not affected."
            )
            raise  # the worker logs it
        else:
            self.update(handle, state="done", note="Done", progress=1.0)

    def _fail(self, handle: JobHandle[J], error: str) -> None:
        self.update(handle, state="failed", note="Failed", error=error)


class ModelQueue(JobQueue[J]):
    """A queue whose jobs use the models of a pool."""

    memory_advice = "Choose a smaller model."

    def __init__(self, pool: "EnginePool", worker: Worker | None = None) -> None:
        super().__init__(worker)
        self._pool = pool

    def _load(self, handle: JobHandle[J], model: str) -> "Engine":
        """The engine of `model`, loaded if necessary; raises CheckpointError."""
        return self._pool.get(
            model,
            models_dir=handle.job.workspace.models_dir,
            on_progress=self.progress(handle, f"Loading the model {model}"),
        )
