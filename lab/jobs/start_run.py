"""Starts runs in their own processes: `python -m lab train-run RUN_DIR`."""

import os
import subprocess
import sys
import threading
from pathlib import Path

from lab.core.errors import OptionsError, disk_errors
from lab.training.run import Run

_LIBRARY = Path(__file__).parents[2]


def start(run: Run) -> None:
    """Start or resume a run in another process.

    It waits while another run of the workspace trains (on a public server: while any visitor's run
    trains). Raises OptionsError if the run is in progress or done, WorkspaceError if the process
    cannot be started.
    """
    state = run.status()
    if not state.is_over:
        raise OptionsError(f"The run {run.name} is already in progress.")
    if state.state == "done":
        raise OptionsError(f"The run {run.name} is done. Start a new one to continue training.")
    run.enqueue()
    paths = filter(None, [str(_LIBRARY), os.environ.get("PYTHONPATH")])
    with (
        disk_errors(f"The run {run.name}", "Is the disk full?", action="started"),
        run.log_path.open("ab") as log,
    ):
        process = subprocess.Popen(
            [sys.executable, "-m", "lab", "train-run", str(run.folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,
        )
    # Reap it when it ends, or it stays a zombie as long as this process lives.
    threading.Thread(target=process.wait, daemon=True).start()
