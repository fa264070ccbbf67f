"""A run's model becomes one that can be picked on every page; finding what is to be exported."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lab.asr import checkpoints
from lab.asr.checkpoints import ModelInfo, list_models
from lab.core.errors import CheckpointError, OptionsError
from lab.core.progress import Progress, ignore
from lab.core.workspace import Workspace, atomic_write
from lab.training import runs
from lab.training.provenance import fingerprint, learned
from lab.training.runs import Run

if TYPE_CHECKING:
    from whisper.model import Whisper

    from lab.asr.engine import Engine


def publish(
    run: Run,
    name: str,
    models_dir: Path,
    *,
    card: str = "",
    on_progress: Progress = ignore,
) -> ModelInfo:
    """Keep a copy of a run's model as `models_dir/NAME.pt`, and its card as `NAME.md`.

    From now on it is one of `lab.asr.checkpoints.list_models`, whatever becomes of the run. Raises
    OptionsError for a name that cannot be used or is taken, also by another run, which would be
    meant by it wherever runs can be named; CheckpointError for a damaged model.
    """
    if is_of_another_run(run, name):
        raise OptionsError(f"There is another run called “{name}”. Choose another name.")
    info = checkpoints.add(
        run.model_path, name=name, models_dir=models_dir, on_progress=on_progress
    )
    if card:
        with atomic_write(models_dir / f"{name}.md") as beside:
            beside.write_text(card, encoding="utf-8")
    return info


def is_of_another_run(run: Run, name: str) -> bool:
    """Whether a run of the same workspace, other than this one, has a name; case is the same."""
    others = runs.list_all(run.workspace)
    return name.casefold() in {other.name.casefold() for other in others if other.name != run.name}


def load_model(workspace: Workspace, named: str, *, on_progress: Progress = ignore) -> "Whisper":
    """The model called `named`: that of a run, one that can be picked, or the one at a path.

    A path leads to a `.pt` file or to a folder with a model. Where a run and a model that can be
    picked have the same name, it is the run's. What it gives is in float32 on the processor. Raises
    CheckpointError if there is no such model, or a run has none yet.
    """
    run = run_named(workspace, named)
    if not run and not _is_a_path_only(workspace, named):
        return checkpoints.load(named, models_dir=workspace.models_dir, on_progress=on_progress)
    path = run.model_path if run else Path(named).expanduser()
    if run and not path.is_file():
        raise CheckpointError(
            f"The run {run.name} has no model yet; it makes one when its training ends."
        )
    from lab.asr import weights

    on_progress(0, 1, f"Reading {path.name}")
    model = weights.build(weights.read(path), called=str(path))
    on_progress(1, 1, f"Reading {path.name}")
    return model


def load_engine(workspace: Workspace, named: str, *, on_progress: Progress = ignore) -> "Engine":
    """An engine with the model that `load_model` gives, called as its run or as it was asked for.

    Raises what `load_model` raises.
    """
    from lab.asr.engine import Engine
    from lab.asr.memory import return_to_system

    run = run_named(workspace, named)
    if not run and not _is_a_path_only(workspace, named):
        return Engine.load(named, models_dir=workspace.models_dir, on_progress=on_progress)
    model = load_model(workspace, named, on_progress=on_progress)
    engine = Engine(model, name=run.name if run else named)
    return_to_system()
    return engine


def run_named(workspace: Workspace, named: str) -> Run | None:
    """The run whose model is meant by its name, or by the path of its folder or model, if it is.

    A run that has no model yet stands back behind a model that can be picked under its name.
    """
    path = Path(named).expanduser().resolve() if _is_path(named) else None
    for run in runs.list_all(workspace):
        if path and path in (run.folder, run.model_path):
            return run
        if named == run.name and (run.model_path.is_file() or not _can_be_picked(workspace, named)):
            return run
    return None


def learned_by(workspace: Workspace, models: Iterable[str]) -> dict[str, frozenset[str]]:
    """For the name of each dataset, the files that any of the models has learned from.

    models: called as for `load_model`

    What a run started from counts as well. Known are runs, and what was published from one that is
    still there. Raises LabError for a run whose settings cannot be read.
    """
    found: dict[str, frozenset[str]] = {}
    for named in models:
        run = run_named(workspace, named) or _published_from(workspace, named)
        seen: list[Run] = []
        while run and run not in seen:
            seen.append(run)
            config = run.config
            found[config.dataset] = found.get(config.dataset, frozenset()) | learned(run)
            run = None if config.architecture else _published_from(workspace, config.model)
    return found


def _published_from(workspace: Workspace, named: str) -> Run | None:
    """The run whose weights a model has that can be picked or lies at a path."""
    is_path = _is_a_path_only(workspace, named)
    path = Path(named).expanduser() if is_path else workspace.models_dir / f"{named}.pt"
    weights = fingerprint(path)
    same = (run for run in runs.list_all(workspace) if fingerprint(run.model_path) == weights)
    return next(same, None) if weights else None


def _can_be_picked(workspace: Workspace, named: str) -> bool:
    return named in {info.name for info in list_models(workspace.models_dir)}


def _is_a_path_only(workspace: Workspace, named: str) -> bool:
    return _is_path(named) and not _can_be_picked(workspace, named)


def _is_path(named: str) -> bool:
    """Whether a person means a file or folder, and not one of the models that have names."""
    path = Path(named).expanduser()
    return path.exists() and (len(path.parts) > 1 or path.is_dir() or path.suffix == ".pt")
