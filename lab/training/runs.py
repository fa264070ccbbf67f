"""The training runs of a workspace: create, list, find and delete them, and take turns training.

Torch is not imported.
"""

import time
from contextlib import suppress
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from lab.asr.checkpoints import list_models
from lab.asr.official_models import ALIASES
from lab.core.errors import OptionsError, WorkspaceError, disk_errors
from lab.core.staging import Staging
from lab.core.workspace import Workspace, item_path, remove, slug, write_text
from lab.training.config import Config
from lab.training.run import CONFIG, MODEL, Run, RunState

_RUNS, _LOCK = "runs", ".lock"


def create(workspace: Workspace, config: Config, *, name: str = "") -> Run:
    """Create the folder of a run without starting it.

    name: default: dataset, model and a number

    Raises OptionsError if a run or model has this name already, or it has no letters or digits.
    """
    wanted = slug(name or f"{config.dataset}-{config.model}")
    if not wanted:
        raise OptionsError("Give the run a name with letters or digits, such as “albanian-1”.")
    folder = item_path(runs_dir(workspace), wanted)
    # A name that a run shares with a model would be ambiguous.
    models = {info.name.casefold() for info in list_models(workspace.models_dir)} | ALIASES.keys()
    if not name:
        numbered = (folder.with_name(f"{wanted}-{number}") for number in count(1))
        folder = next(path for path in numbered if not _is_run(path) and path.name not in models)
    elif wanted in models:
        raise OptionsError(f"There is already a model called “{wanted}”. Choose another name.")
    with Staging(folder.parent) as staging:
        staged = Run(folder.name, staging / "created")
        write_text(staged.config_path, config.to_yaml())
        staged.store_state(RunState(asked_at=time.time()))
        try:
            # A command still working on a run when it was deleted may have left files there.
            if folder.exists() and not _is_run(folder):
                folder.rename(staging / "leftovers")
            staged.folder.rename(folder)
        except OSError as error:
            if _is_run(folder):
                raise OptionsError(
                    f"There is already a run called “{wanted}”. Choose another name."
                ) from None
            raise WorkspaceError(f"{folder} cannot be created ({error.strerror}).") from error
    return Run(folder.name, folder)


def list_all(workspace: Workspace) -> list[Run]:
    """All runs, the newest first."""
    found = [Run(path.parent.name, path.parent) for path in runs_dir(workspace).glob(f"*/{CONFIG}")]
    return sorted(found, key=lambda run: -run.status().asked_at)


def find(workspace: Workspace, name: str) -> Run:
    """The run with this name, which may come from a URL; raises OptionsError if there is none."""
    known = list_all(workspace)
    for run in known:
        if run.name == name:
            return run
    names = ", ".join(run.name for run in known) or "there are no runs yet"
    raise OptionsError(f"There is no run “{name[:40]}”; choose one of: {names}.")


def from_folder(folder: Path) -> Run:
    """The run in a folder; raises OptionsError if there is none."""
    folder = folder.expanduser().resolve()
    if not _is_run(folder):
        raise OptionsError(
            f"{folder} is not the folder of a run: it has no {CONFIG}. Create a run with `train`."
        )
    return Run(folder.name, folder)


def delete(run: Run) -> None:
    """Delete a run with its model; raises OptionsError while it trains or its model is in use."""
    if not run.status().is_over:
        raise OptionsError(f"The run {run.name} is still training. Stop it first.")
    with disk_errors(run.folder, "", action="deleted"):
        try:
            with run.lock().acquire(timeout=0), Staging(run.folder.parent) as staging:
                run.folder.rename(staging / "deleted")
        except Timeout:
            raise OptionsError(
                f"The run {run.name} is still in use. Delete it when that has finished."
            ) from None


def clean_up(run: Run) -> None:
    """Remove partial files of killed processes and, if the run is done, its checkpoints and clips.

    The caller holds the run's lock. Files such as the state, which others write without it, are
    left alone until the run is done: nobody writes them then.
    """
    obsolete = [*run.checkpoints_dir.glob(".*.part"), *run.folder.glob(f".{MODEL}.*.part")]
    if run.stored_state().state == "done":
        obsolete += [run.last_checkpoint, run.best_checkpoint, *run.folder.glob(".*.part")]
        with suppress(WorkspaceError):
            remove(run.clips_dir)
    for path in obsolete:
        with suppress(OSError):
            path.unlink()


def runs_dir(workspace: Workspace) -> Path:
    return workspace.root / _RUNS


def acquire_turn(run: Run) -> FileLock | None:
    """Acquire the lock to train, if it is this run's turn; otherwise return None.

    One run of a workspace trains at a time; on a public server, one of all its visitors.
    """
    mine = run.stored_state()
    folder, pattern = run.folder.parent, f"*/{CONFIG}"
    if visitors := run.workspace.visitors_dir:
        folder, pattern = visitors.parent, f"{visitors.name}/*/{_RUNS}/{pattern}"
    for path in folder.glob(pattern):
        other = Run(path.parent.name, path.parent)
        state = other.status()
        is_first = (state.asked_at, other.name) < (mine.asked_at, run.name)
        if other != run and state.state == "waiting" and is_first:
            return None
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def _is_run(folder: Path) -> bool:
    return (folder / CONFIG).is_file()
