"""A run's process from its beginning to its end: `python -m lab train-run`.

Light until it is the run's turn: `lab.jobs.run_steps` is what comes then.
"""

import errno
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from filelock import Timeout

from lab.core.errors import LabError, OptionsError, WorkspaceError
from lab.core.progress import Cancelled
from lab.training import leftovers, runs
from lab.training.runs import Run

_log = logging.getLogger(__name__)

_POLL_S = 0.5
# A process that was killed counts as gone before the last of its threads has let go of its files.
_LET_GO_S = 15.0
_OUR_FAULT = "Something went wrong inside the program; the log says what."


def train(run: Run) -> runs.State:
    """Begin a run or go on with it, until it is done, stopped or failed; returns how it ended.

    Waits for its turn first. Where it fails, the state says why in a sentence. Raises OptionsError
    if the run is done, or another process trains it.
    """
    if not runs.is_main_process():  # one of several, here or elsewhere
        from lab.jobs import run_steps

        with suppress(Cancelled):
            run_steps.follow(run)
        return runs.status(run)
    try:
        lock = runs.lock_of(run).acquire(timeout=_LET_GO_S)
    except Timeout:
        raise OptionsError(f"The run {run.name} is being trained by another process.") from None
    with lock, _stopped_by_signals(run), _logged(run):
        leftovers.sweep(run)
        _join_the_line(run)
        try:
            with _turn(run):
                runs.update(run, state="running", note="Beginning")
                from lab.jobs import run_steps  # torch, which those who wait do without

                run_steps.lead(run)
        except Cancelled:
            _end(run, state="stopped", note="Stopped; it can be resumed")
        except LabError as error:
            _log.error("%s", error)
            _end(run, state="failed", note="Failed", error=str(error))
        except Exception as error:
            _log.exception("The training ended unexpectedly.")
            _end(run, state="failed", note="Failed", error=_sentence(run, error))
        else:
            _end(run, state="done", note="Done", seconds_left=0.0)
        leftovers.sweep(run)
    return runs.status(run)


def _sentence(run: Run, error: Exception) -> str:
    from lab.training import memory

    if memory.is_full(error):
        return memory.too_little(run.config, run.config.batch_size // 2)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full. Free some space first. {runs.way_on(run)}"
    return f"{_OUR_FAULT} {runs.way_on(run)}"


def _join_the_line(run: Run) -> None:
    state = runs.status(run).state
    if state == "done":
        raise OptionsError(f"The run {run.name} is done. Begin a new one to train on.")
    if state != "waiting" and state != "stopping":  # `runs.start` has asked, or a person calls
        runs.ask(run)
    runs.update(run, **runs.this_process())


@contextmanager
def _turn(run: Run) -> Iterator[None]:
    """Wait until no other run trains that asked before; raises `Cancelled`."""
    while (lock := runs.turn(run)) is None:
        if runs.is_asked_to_stop(run):
            raise Cancelled
        time.sleep(_POLL_S)
    with lock:
        yield


def _end(run: Run, **changes: object) -> None:
    # On a full disk not even that can be written; the state then says that the process is gone.
    with suppress(WorkspaceError):
        runs.end(run, **changes)
        _log.info("%s.", changes["note"])


@contextmanager
def _stopped_by_signals(run: Run) -> Iterator[None]:
    """Let Ctrl+C, and the system when it shuts down, stop the run as a person does."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        runs.stop(run)

    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, stop) for kind in kinds]
    try:
        yield
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


@contextmanager
def _logged(run: Run) -> Iterator[None]:
    """Write what the library says into the run's log, unless all output goes there anyway."""
    path = run.folder / runs.LOG
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    path.touch()
    if not os.path.samestat(os.fstat(sys.__stderr__.fileno()), path.stat()):  # type: ignore[union-attr]
        handlers.append(logging.FileHandler(path, encoding="utf-8"))
    ours = logging.getLogger("lab")
    level = ours.level
    ours.setLevel(logging.INFO)
    ours.propagate = False
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
        ours.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            ours.removeHandler(handler)
            handler.close()
        ours.setLevel(level)
        ours.propagate = True
