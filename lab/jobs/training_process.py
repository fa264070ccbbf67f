"""The process of a run, from start to end: `python -m lab train-run`.

Torch is imported, with `lab.jobs.run_steps`, only when it is the run's turn.
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
from lab.training import runs
from lab.training.run import Run, RunState, is_main_process

_log = logging.getLogger(__name__)

_POLL_S = 0.5
# A killed process counts as gone before the last of its threads has released its locks.
_RELEASE_TIMEOUT_S = 15.0


def train(run: Run) -> RunState:
    """Start or resume a run in this process, and return its final state.

    Waits for its turn first. If training fails, the state says why. Raises OptionsError if the run
    is done, or another process trains it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from lab import Config, Workspace, train
    >>> from lab.training import runs
    >>> run = runs.create(Workspace(Path(mkdtemp())), Config(dataset="interviews"))
    >>> train(run).error  # where that dataset does not exist
    'There is no dataset “interviews”...'
    """
    if not is_main_process():
        from lab.jobs import run_steps

        with suppress(Cancelled):
            run_steps.run_worker(run)
        return run.status()
    try:
        lock = run.lock().acquire(timeout=_RELEASE_TIMEOUT_S)
    except Timeout:
        raise OptionsError(f"The run {run.name} is being trained by another process.") from None
    with lock, _stopped_by_signals(run), _logged(run):
        runs.clean_up(run)
        _enqueue(run)
        try:
            with _turn(run):
                run.update(state="running", note="Starting")
                from lab.jobs import run_steps

                run_steps.run_main(run)
        except Cancelled:
            _end(run, state="stopped", note="Stopped; it can be resumed")
        except LabError as error:
            _log.error("%s", error)
            _end(run, state="failed", note="Failed", error=str(error))
        except Exception as error:
            _log.exception("The training ended unexpectedly.")
            _end(run, state="failed", note="Failed", error=_explain(run, error))
        else:
            _end(run, state="done", note="Done", seconds_left=0.0)
        runs.clean_up(run)
    return run.status()


def _explain(run: Run, error: Exception) -> str:
    from lab.training import memory

    if memory.is_out_of_memory(error):
        return memory.out_of_memory_advice(run.config, run.config.batch_size // 2)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full. Free some space first. {run.recovery_advice}"
    return f"An internal error occurred; the log says more. {run.recovery_advice}"


def _enqueue(run: Run) -> None:
    state = run.status().state
    if state == "done":
        raise OptionsError(f"The run {run.name} is done. Start a new one to continue training.")
    if state not in ("waiting", "stopping"):  # `start_run.start` has enqueued it already
        run.enqueue()
    run.claim()


@contextmanager
def _turn(run: Run) -> Iterator[None]:
    """Wait until it is the run's turn to train; raises `Cancelled` if it is stopped."""
    while (lock := runs.acquire_turn(run)) is None:
        if run.stop_requested:
            raise Cancelled
        time.sleep(_POLL_S)
    with lock:
        yield


def _end(run: Run, **changes: object) -> None:
    # Fails on a full disk; the status then says that the process is gone.
    with suppress(WorkspaceError):
        run.finish(**changes)
        _log.info("%s.", changes["note"])


@contextmanager
def _stopped_by_signals(run: Run) -> Iterator[None]:
    """Save a checkpoint and stop on Ctrl+C and when the system shuts down."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        run.stop()

    signals = (signal.SIGINT, signal.SIGTERM)
    earlier = [signal.signal(number, stop) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, earlier, strict=True):
            signal.signal(number, handler)


@contextmanager
def _logged(run: Run) -> Iterator[None]:
    """Write the library's log messages to the run's log, unless stderr goes there anyway."""
    path = run.log_path
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    path.touch()
    if not os.path.samestat(os.fstat(sys.__stderr__.fileno()), path.stat()):  # type: ignore[union-attr]
        handlers.append(logging.FileHandler(path, encoding="utf-8"))
    logger = logging.getLogger("lab")
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
        logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
        logger.setLevel(level)
        logger.propagate = True
