"""What lies in a run that nobody needs any more."""

import shutil
from contextlib import suppress

from lab.training.state import BEST, CHECKPOINTS, CLIPS, LAST, MODEL, Run, read


def sweep(run: Run) -> None:
    """Remove what killed processes have left half-written, and of a run that is done its states.

    The caller holds the run's lock. Without one, files of moments such as its state are written.
    """
    states = run.folder / CHECKPOINTS
    unfinished = [*states.glob(".*.part"), *run.folder.glob(f".{MODEL}.*.part")]
    needless = [states / LAST, states / BEST] if read(run).state == "done" else []
    for path in (*unfinished, *needless):
        with suppress(OSError):
            path.unlink()
    if needless:  # the model has what is still of use
        shutil.rmtree(run.folder / CLIPS, ignore_errors=True)
