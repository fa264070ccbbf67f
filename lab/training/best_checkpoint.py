"""Turns the best checkpoint of a run into its model."""

import pickle

import torch
from whisper.model import Whisper

from lab.asr import weights
from lab.core.errors import CheckpointError, OptionsError
from lab.core.progress import Progress, ignore
from lab.evaluation.report_files import CSV_NAME, JSON_NAME
from lab.training.initial_model import load_initial_model, model_state_dict
from lab.training.run import HEALTH, Run
from lab.training.validation import merged_checkpoint


def keep_best_checkpoint(run: Run, *, on_progress: Progress = ignore) -> None:
    """Turn the best checkpoint of a stopped or failed run into its model.

    The checkpoints stay, so that the run can be resumed; a better checkpoint then replaces the
    model. Raises OptionsError if there was no validation yet, CheckpointError if the model that the
    run fine-tunes is unavailable.
    """
    best = run.best_checkpoint
    if not best.is_file():
        raise OptionsError(f"The run {run.name} has no checkpoint yet. Resume it first.")
    models_dir = run.workspace.models_dir
    model = load_initial_model(run.config, models_dir, checkpoint=best, on_progress=on_progress)
    write_best_model(run, model)


def write_best_model(run: Run, model: Whisper) -> None:
    """Load the best checkpoint into `model`, and save that as the run's model.

    Reports about an earlier model of the run are removed. Raises CheckpointError if the checkpoint
    is damaged or the disk refuses; the earlier model and its reports then stay.

    model: as loaded by `load_initial_model`
    """
    path = run.best_checkpoint
    try:
        best = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        model.load_state_dict(model_state_dict(best))
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, KeyError) as error:
        raise CheckpointError(f"{path} is damaged ({error!s:.200}). Resume the run.") from error
    weights.save(merged_checkpoint(model), run.model_path)
    for name in (JSON_NAME, CSV_NAME, HEALTH):
        (run.folder / name).unlink(missing_ok=True)
