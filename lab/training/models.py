"""Finds, loads, evaluates and publishes the models of runs."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lab import dataset
from lab.asr import checkpoints
from lab.asr.checkpoints import ModelInfo, list_models
from lab.core.errors import CheckpointError, OptionsError
from lab.core.progress import Progress, ignore
from lab.core.workspace import Workspace, write_text
from lab.evaluation import Report, evaluate, report_files
from lab.training import runs
from lab.training.provenance import training_files, weights_fingerprint
from lab.training.run import Run

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
    """Copy the model of a run to `models_dir/NAME.pt`, and its model card to `NAME.md`.

    It is then one of `lab.asr.checkpoints.list_models`, even if the run is deleted. Raises
    OptionsError if the name is invalid or taken, also by another run, whose name would become
    ambiguous; CheckpointError if the model is damaged.
    """
    if is_used_by_another_run(run, name):
        raise OptionsError(f"There is another run called “{name}”. Choose another name.")
    info = checkpoints.add(
        run.model_path, name=name, models_dir=models_dir, on_progress=on_progress
    )
    if card:
        write_text(models_dir / f"{name}.md", card)
    return info


def is_used_by_another_run(run: Run, name: str) -> bool:
    """Whether another run of the workspace has this name, ignoring case."""
    others = runs.list_all(run.workspace)
    return name.casefold() in {other.name.casefold() for other in others if other.name != run.name}


def load_model(workspace: Workspace, name: str, *, on_progress: Progress = ignore) -> "Whisper":
    """Load a model in float32 on the CPU.

    name: of a run or a model, or the path of a `.pt` file or a model folder. If a run and a model
        have the same name, the run's model is loaded

    Raises CheckpointError if there is no such model, or the run has none yet.
    """
    run = find_run(workspace, name)
    if not run and not _is_only_a_path(workspace, name):
        return checkpoints.load(name, models_dir=workspace.models_dir, on_progress=on_progress)
    path = run.model_path if run else Path(name).expanduser()
    if run and not path.is_file():
        raise CheckpointError(
            f"The run {run.name} has no model yet: it is saved when the training ends."
        )
    from lab.asr import weights

    on_progress(0, 1, f"Reading {path.name}")
    model = weights.build(weights.read(path), label=str(path))
    on_progress(1, 1, f"Reading {path.name}")
    return model


def load_engine(workspace: Workspace, name: str, *, on_progress: Progress = ignore) -> "Engine":
    """Load an engine with the model that `load_model` loads.

    Its name is that of the run, if it is a run's model, else `name`. Raises what `load_model` does.
    """
    from lab.asr.engine import Engine
    from lab.asr.memory import trim_memory

    run = find_run(workspace, name)
    model = load_model(workspace, name, on_progress=on_progress)
    engine = Engine(model, name=run.name if run else name)
    trim_memory()
    return engine


def evaluate_run(run: Run, *, on_progress: Progress = ignore) -> Report:
    """Score the base model and the tuned model on the test split; the report stays with the run.

    Clips that the run was trained on are left out, in case the dataset has been split again since.
    A model trained from scratch is scored alone. Raises LabError if there is nothing to evaluate.
    """
    from lab.asr.engine import Engine

    config, workspace = run.config, run.workspace
    source = dataset.find(workspace, config.dataset)

    def engines() -> Iterator["Engine"]:
        if not config.architecture:
            yield Engine.load(config.model, models_dir=workspace.models_dir)
        yield load_engine(workspace, str(run.model_path))

    (report,) = evaluate(
        engines(),
        [source],
        split="test",
        trained_on={source.name: training_files(run)},
        on_progress=on_progress,
    )
    report_files.write(report, run.folder)
    return report


def find_run(workspace: Workspace, name: str) -> Run | None:
    """The run that a model name, or the path of a run's folder or model, refers to, if any.

    A model takes precedence over a run of the same name that has no model yet.
    """
    path = Path(name).expanduser().resolve() if _is_path(name) else None
    for run in runs.list_all(workspace):
        if path and path in (run.folder, run.model_path):
            return run
        if name == run.name and (run.model_path.is_file() or not _is_model_name(workspace, name)):
            return run
    return None


def training_files_of(workspace: Workspace, models: Iterable[str]) -> dict[str, frozenset[str]]:
    """The files that any of the models was trained on, by the name of their dataset.

    Includes those of the models that were fine-tuned, as far as their runs still exist. Raises
    LabError if the settings of a run cannot be read.

    models: names as for `load_model`
    """
    files: dict[str, frozenset[str]] = {}
    for name in models:
        run = find_run(workspace, name) or _run_with_weights_of(workspace, name)
        seen: list[Run] = []
        while run and run not in seen:
            seen.append(run)
            config = run.config
            files[config.dataset] = files.get(config.dataset, frozenset()) | training_files(run)
            run = None if config.architecture else _run_with_weights_of(workspace, config.model)
    return files


def _run_with_weights_of(workspace: Workspace, name: str) -> Run | None:
    """The run from which a model, given by name or path, was published."""
    is_path = _is_only_a_path(workspace, name)
    path = Path(name).expanduser() if is_path else workspace.models_dir / f"{name}.pt"
    if weights := weights_fingerprint(path):
        for run in runs.list_all(workspace):
            if weights_fingerprint(run.model_path) == weights:
                return run
    return None


def _is_model_name(workspace: Workspace, name: str) -> bool:
    return name in {info.name for info in list_models(workspace.models_dir)}


def _is_only_a_path(workspace: Workspace, name: str) -> bool:
    return _is_path(name) and not _is_model_name(workspace, name)


def _is_path(name: str) -> bool:
    """Whether a person probably means a file or folder, rather than the name of a model."""
    path = Path(name).expanduser()
    return path.exists() and (len(path.parts) > 1 or path.is_dir() or path.suffix == ".pt")
