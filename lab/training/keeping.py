"""The best state of a run becomes its model."""

import pickle

import torch
from whisper.model import Whisper

from lab.asr import weights
from lab.core.errors import CheckpointError, OptionsError
from lab.core.progress import Progress, ignore
from lab.evaluation.report_files import CSV_NAME, JSON_NAME
from lab.training import runs
from lab.training.beginning import model_for
from lab.training.hearing import checkpoint_of
from lab.training.runs import Run
from lab.training.state import HEALTH


def keep_best(run: Run, *, on_progress: Progress = ignore) -> None:
    """Make a model of the best state of a run that was stopped or has failed.

    The states stay, so that the run can be resumed as if nothing had happened; a better state then
    takes the model's place. Raises OptionsError where no state was validated yet, CheckpointError
    where the model that the run started from cannot be had.
    """
    best = runs.best_path(run)
    if not best.is_file():
        raise OptionsError(f"The run {run.name} has no state to keep yet. Resume it first.")
    models_dir = run.workspace.models_dir
    take_best(run, model_for(run.config, models_dir, saved=best, on_progress=on_progress))


def take_best(run: Run, model: Whisper) -> None:
    """Fill `model`, made as the run trains it, with the best state, and save it as the run's.

    What was found out about an earlier model of the run is removed. Raises CheckpointError for a
    state that is damaged, and when the disk refuses; the earlier model and all about it then stay.
    """
    path = runs.best_path(run)
    prefix = "model."  # the attribute of the module
    try:
        best = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        state = {name.removeprefix(prefix): value for name, value in best["state_dict"].items()}
        model.load_state_dict(state)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, KeyError) as error:
        raise CheckpointError(f"{path} is damaged ({error!s:.200}). Resume the run.") from error
    weights.save(checkpoint_of(model), run.model_path)
    for name in (JSON_NAME, CSV_NAME, HEALTH):
        (run.folder / name).unlink(missing_ok=True)
