"""Runs of the workspace: made, started as processes of their own, watched, stopped, deleted.

Only files are read and written here, so that a page can look every second, and whatever becomes of
the page or the app, a run goes on. Nothing of torch is loaded.
"""

import os
import time
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lab.asr.checkpoints import list_models
from lab.asr.official import ALIASES
from lab.core.errors import OptionsError, WorkspaceError
from lab.core.staging import Staging
from lab.core.workspace import Workspace, atomic_write, child, read_json, slug
from lab.training.config import Config
from lab.training.state import (
    BEST,
    CHECKPOINTS,
    CONFIG,
    DATASET,
    LAST,
    LOG,
    MODEL,
    RUNS,
    SENTENCES,
    Run,
    State,
    ask,
    ask_to_stop,
    end,
    is_asked_to_stop,
    is_main_process,
    read,
    status,
    this_process,
    update,
    way_on,
    write,
)

__all__ = [
    "BEST",
    "CHECKPOINTS",
    "CONFIG",
    "DATASET",
    "LAST",
    "LOG",
    "MODEL",
    "RUNS",
    "SENTENCES",
    "Run",
    "State",
    "ask",
    "at",
    "best_path",
    "create",
    "delete",
    "end",
    "find",
    "is_asked_to_stop",
    "is_main_process",
    "list_all",
    "lock_of",
    "log_tail",
    "runs_dir",
    "sentences",
    "status",
    "stop",
    "this_process",
    "turn",
    "update",
    "way_on",
]

_LOCK = ".lock"


def create(workspace: Workspace, config: Config, *, name: str = "") -> Run:
    """Make the folder of a run, which is not started by that.

    name: what to call it; without one it is called after the dataset and the model

    Raises OptionsError if there is a run or a model with this name, or the name has no letters.
    """
    wanted = slug(name or f"{config.dataset}-{config.model}")
    if not wanted:
        raise OptionsError("Give the run a name with letters or digits, such as “albanian-1”.")
    folder, models = child(runs_dir(workspace), wanted), _names_of_models(workspace)
    if not name:
        folder = _free(folder, models)
    elif wanted in models:
        raise OptionsError(f"There is a model called “{wanted}”. Choose another name.")
    with Staging(folder.parent) as staging:
        made = Run(folder.name, staging / "made")
        with atomic_write(made.folder / CONFIG) as beside:
            beside.write_text(config.to_yaml(), encoding="utf-8")
        write(made, State(asked_at=time.time()))
        try:
            # A command that worked on a run while it was deleted may have left something there.
            if folder.exists() and not _is_run(folder):
                folder.rename(staging / "left")
            made.folder.rename(folder)
        except OSError as error:
            if _is_run(folder):
                raise OptionsError(
                    f"There is a run called “{wanted}” already. Choose another name."
                ) from None
            raise WorkspaceError(f"{folder} cannot be made ({error.strerror}).") from error
    return Run(folder.name, folder)


def list_all(workspace: Workspace) -> list[Run]:
    """All runs, the newest first."""
    found = [Run(path.parent.name, path.parent) for path in runs_dir(workspace).glob(f"*/{CONFIG}")]
    return sorted(found, key=lambda run: -status(run).asked_at)


def find(workspace: Workspace, name: str) -> Run:
    """The run with this name, which may come from a URL; raises OptionsError if none has it."""
    for run in list_all(workspace):
        if run.name == name:
            return run
    names = ", ".join(run.name for run in list_all(workspace)) or "there is none yet"
    raise OptionsError(f"There is no run “{name[:40]}”; choose one of: {names}.")


def at(folder: Path) -> Run:
    """The run in a folder; raises OptionsError where there is none."""
    folder = folder.expanduser().resolve()
    if not _is_run(folder):
        raise OptionsError(
            f"{folder} is no folder of a run: {CONFIG} is missing. Make one with `train`."
        )
    return Run(folder.name, folder)


def stop(run: Run) -> None:
    """Ask a run to save and stop; that takes until the end of a step or a validation."""
    if not status(run).is_over:
        ask_to_stop(run)


def delete(run: Run) -> None:
    """Remove a run with all that it has learned; raises OptionsError while anyone works on it."""
    if not status(run).is_over:
        raise OptionsError(f"The run {run.name} is under way. Stop it first.")
    try:
        with (
            lock_of(run).acquire(timeout=0),
            Staging(run.folder.parent) as staging,
        ):
            run.folder.rename(staging / "deleted")
    except Timeout:
        raise OptionsError(
            f"The run {run.name} is still being worked on. Delete it when that has ended."
        ) from None
    except OSError as error:
        raise WorkspaceError(f"{run.folder} cannot be removed ({error.strerror}).") from error


def sentences(run: Run) -> dict[str, Any]:
    """What the model hears in some clips of validation; empty before the first validation.

    `clips`: file_name and reference of each; `heard`: step and texts of each validation
    """
    path = run.folder / SENTENCES
    return read_json(path) if path.exists() else {}


def log_tail(run: Run, n_lines: int = 100) -> list[str]:
    """The last lines of the log."""
    try:
        with (run.folder / LOG).open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - 200 * n_lines, 0))
            return file.read().decode("utf-8", "replace").splitlines()[-n_lines:]
    except OSError:
        return []


def runs_dir(workspace: Workspace) -> Path:
    return workspace.root / RUNS


def best_path(run: Run) -> Path:
    """The best state so far; it is there from the first validation to the end of the run."""
    return run.folder / CHECKPOINTS / BEST


def lock_of(run: Run) -> FileLock:
    """Held by who trains a run, or does something with its model."""
    return FileLock(run.folder / _LOCK)


def turn(run: Run) -> FileLock | None:
    """The right to train, if it is this run's turn.

    One run of a workspace trains at a time, and on a public server one of all its visitors.
    """
    mine = read(run)
    lock, line = _line(run)
    for path in line:
        other = Run(path.parent.name, path.parent)
        state = status(other)
        is_first = (state.asked_at, other.name) < (mine.asked_at, run.name)
        if other != run and state.state == "waiting" and is_first:
            return None
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def _line(run: Run) -> tuple[FileLock, Iterator[Path]]:
    """What one of the runs holds that take turns with this one, and the settings of all of them."""
    visitors = run.workspace.visitors_dir
    if visitors:
        return FileLock(visitors.parent / _LOCK), visitors.glob(f"*/{RUNS}/*/{CONFIG}")
    folder = run.folder.parent
    return FileLock(folder / _LOCK), folder.glob(f"*/{CONFIG}")


def _is_run(folder: Path) -> bool:
    return (folder / CONFIG).is_file()


def _names_of_models(workspace: Workspace) -> set[str]:
    """Names that mean a model already, and would mean two things if a run had them too."""
    known = {info.name.casefold() for info in list_models(workspace.models_dir)}
    return known | ALIASES.keys()


def _free(folder: Path, models: Container[str]) -> Path:
    number = 1
    while (
        _is_run(numbered := folder.with_name(f"{folder.name}-{number}")) or numbered.name in models
    ):
        number += 1
    return numbered
