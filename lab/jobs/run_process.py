"""Starting a run as a process of its own: `python -m lab train-run RUN_DIR`."""

import os
import subprocess
import sys
import threading
from pathlib import Path

from lab.core.errors import OptionsError, WorkspaceError
from lab.training.state import (
    LOG,
    Run,
    ask,
    status,
)

# Where the process finds this package.
_LIBRARY = Path(__file__).parents[2]


def start(run: Run) -> None:
    """Train in a process of its own, from the beginning or from where the run was.

    It waits while another run of the workspace trains, or on a public server of anybody there.
    Raises OptionsError for a run that is under way or done, WorkspaceError when the process cannot
    be started.
    """
    state = status(run)
    if not state.is_over:
        raise OptionsError(f"The run {run.name} is under way already.")
    if state.state == "done":
        raise OptionsError(f"The run {run.name} is done. Begin a new one to train on.")
    ask(run)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    paths = filter(None, [str(_LIBRARY), os.environ.get("PYTHONPATH")])
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    try:
        with (run.folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "lab", "train-run", str(run.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
    except OSError as error:
        raise WorkspaceError(
            f"The run {run.name} cannot be started ({error.strerror or error}). "
            "Is there room on the disk?"
        ) from error
    # Somebody has to hear of its end, or it stays in the system's list as long as this process.
    threading.Thread(target=process.wait, daemon=True).start()


def resume(run: Run) -> None:
    """Go on where a run was stopped or broke off; the same as `start`."""
    start(run)
