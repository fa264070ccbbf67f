"""Work in the background of the app, one job after the other.

A job outlives the page that started it: leaving the page or reloading the tab harms nothing. Jobs
that need the same thing, such as the model, share a worker: two at once are no faster than one
after the other.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from lab.core.errors import LabError
from lab.core.progress import Cancelled, Progress
from lab.core.workspace import Workspace

if TYPE_CHECKING:
    from lab.asr.pool import EnginePool

log = logging.getLogger(__name__)

_NO_MEMORY = (
    "The memory of this machine is not enough for this. "
    "Choose a smaller model or split the recording."
)
_OUR_FAULT = (
    "Something went wrong inside the program; its log says what. The other recordings go on."
)

State = Literal["waiting", "running", "done", "stopped", "failed"]


@dataclass(frozen=True)
class Job:
    """What is known of a job at this moment.

    note: what it is doing, in a few words
    share: how much is finished, 0 to 1
    seconds_left: an estimate, None where there is none yet
    since: when it was lined up, on the clock of `time.monotonic`
    error: why it failed
    """

    id: int
    workspace: Workspace
    state: State = field(default="waiting", kw_only=True)
    note: str = field(default="Waiting", kw_only=True)
    share: float = field(default=0.0, kw_only=True)
    seconds_left: float | None = field(default=None, kw_only=True)
    since: float = field(default_factory=time.monotonic, kw_only=True)
    error: str | None = field(default=None, kw_only=True)

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "stopped", "failed")


J = TypeVar("J", bound=Job)


@dataclass
class Entry(Generic[J]):
    """A job's place in the queue; `job` is replaced as it goes on."""

    job: J
    stop: threading.Event = field(default_factory=threading.Event)


class Worker:
    """A thread that does what it is given, in that order."""

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def later(self, work: Callable[[], None]) -> None:
        """Do `work` when everything that came before is done."""
        self._work.put(work)

    def _run(self) -> None:
        while True:
            work = self._work.get()
            try:
                work()
            except Exception:
                # Whatever goes wrong with one piece of work, the next ones are done.
                log.exception("work failed unexpectedly")


def repeat(work: Callable[[], object], *, every_s: float, name: str) -> None:
    """Do `work` now and then, in a thread of its own, as long as the program runs."""

    def run() -> None:
        while True:
            time.sleep(every_s)
            work()

    threading.Thread(target=run, name=name, daemon=True).start()


class JobQueue(Generic[J]):
    """Jobs of all workspaces in the order they came; each sees its own only."""

    def __init__(self, worker: Worker | None = None) -> None:
        """worker: does the jobs, and perhaps those of other queues; without one it has its own"""
        self.worker = worker or Worker(type(self).__name__)
        self._lock = threading.Lock()
        self._entries: dict[int, Entry[J]] = {}
        self._numbers = count(1)

    def work_on(self, entry: Entry[J]) -> None:
        """Do the job. Raises LabError where it fails, Cancelled where it was stopped."""
        raise NotImplementedError

    def line_up(self, make: Callable[[int], J]) -> int:
        """Line up the job that `make` makes of its number; returns the number."""
        with self._lock:
            number = next(self._numbers)
            self._entries[number] = Entry(make(number))
        self.worker.later(lambda: self._begin(number))
        return number

    def jobs(self, workspace: Workspace) -> list[J]:
        """The jobs of `workspace`, the first one first."""
        with self._lock:
            entries = list(self._entries.values())
        return [entry.job for entry in entries if entry.job.workspace == workspace]

    def stop(self, workspace: Workspace, number: int) -> None:
        """Stop a job of `workspace`; what it has finished is kept."""
        with self._lock:
            entry = self._entries.get(number)
            if entry is None or entry.job.workspace != workspace:
                return
            entry.stop.set()
            if entry.job.state == "waiting":
                entry.job = replace(entry.job, state="stopped", note="Stopped before it began")

    def clear(self, workspace: Workspace) -> None:
        """Forget the jobs of `workspace` that are over; their results stay."""
        with self._lock:
            for number, entry in list(self._entries.items()):
                if entry.job.workspace == workspace and entry.job.is_over:
                    del self._entries[number]

    def update(self, entry: Entry[J], **changes: object) -> None:
        """Replace fields of a job, all at once."""
        with self._lock:
            entry.job = replace(entry.job, **changes)  # type: ignore[arg-type]

    def watch(self, entry: Entry[J], name: str = "") -> Progress:
        """A progress callback that tells the job's share and time left, and stops it.

        name: stands in for the notes that the callback is given
        """
        began = time.monotonic()

        def on_progress(done: float, total: float, note: str = "") -> None:
            if entry.stop.is_set():
                raise Cancelled
            share = min(done / total, 1.0) if total > 0 else 0.0
            seconds = time.monotonic() - began
            # The first moments say nothing about the rest.
            is_telling = share > 0.02 and seconds > 1
            self.update(
                entry,
                note=name or note,
                share=share,
                seconds_left=seconds * (1 - share) / share if is_telling else None,
            )

        return on_progress

    def _begin(self, number: int) -> None:
        with self._lock:
            entry = self._entries.get(number)
            if entry is None or entry.stop.is_set():
                return
            entry.job = replace(entry.job, state="running", note="Beginning")
        try:
            self.work_on(entry)
        except Cancelled:
            self.update(entry, state="stopped", note="Stopped")
        except LabError as error:
            self.update(entry, state="failed", note="Failed", error=str(error))
        except MemoryError:
            self.update(entry, state="failed", note="Failed", error=_NO_MEMORY)
        except Exception:
            self.update(entry, state="failed", note="Failed", error=_OUR_FAULT)
            raise
        else:
            self.update(entry, state="done", note="Done", share=1.0)


class ModelQueue(JobQueue[J]):
    """A queue whose jobs need the models of a pool."""

    def __init__(self, pool: "EnginePool", worker: Worker | None = None) -> None:
        super().__init__(worker)
        self._pool = pool
