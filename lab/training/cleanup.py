"""Removes files of a run that are no longer needed."""

import shutil
from contextlib import suppress

from lab.training.run import MODEL, Run


def clean_up(run: Run) -> None:
    """Remove partial files of killed processes and, if the run is done, its checkpoints and clips.

    The caller holds the run's lock. Files such as the state, which are also written without it, are
    left alone.
    """
    partial = [*run.checkpoints_dir.glob(".*.part"), *run.folder.glob(f".{MODEL}.*.part")]
    is_done = run.stored_state().state == "done"
    obsolete = [run.last_checkpoint, run.best_checkpoint] if is_done else []
    for path in (*partial, *obsolete):
        with suppress(OSError):
            path.unlink()
    if is_done:
        shutil.rmtree(run.clips_dir, ignore_errors=True)
