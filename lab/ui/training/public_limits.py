"""Limits on training for visitors of a public server, who share its CPU and disk."""

from lab.core.errors import OptionsError
from lab.core.workspace import Workspace
from lab.training import runs
from lab.training.config import DEFAULTS, Config
from lab.ui.training.form import label_of
from lab.ui.visitors import is_public

MODELS = ("tiny", "base")
MAX_EPOCHS, MAX_CLIPS, MAX_BATCH_SIZE = 8, 500, 16

SUMMARY = (
    f"This public server fine-tunes {' and '.join(MODELS)} for up to {MAX_EPOCHS} epochs on "
    f"datasets of up to {MAX_CLIPS} clips, with a batch size of up to {MAX_BATCH_SIZE}, one run at "
    "a time, without more long-form batches, validations or checkpoints than by default. On your "
    "own machine there are no limits."
)


def check_limits(workspace: Workspace, config: Config, n_clips: int = 0) -> None:
    """Raise OptionsError if a public server does not allow the run, or not now.

    n_clips: with texts, in all splits, since validation and test take time too
    """
    if not is_public():
        return
    if config.architecture or config.model not in MODELS:
        raise OptionsError(f"{SUMMARY} Choose one of these models.")
    is_large = config.batch_size > MAX_BATCH_SIZE or config.devices * config.num_nodes > 1
    if config.epochs > MAX_EPOCHS or n_clips > MAX_CLIPS or is_large:
        raise OptionsError(f"{SUMMARY} Choose a smaller run.")
    if names := _costly(config):
        raise OptionsError(f"{SUMMARY} Reset these to their defaults: {', '.join(names)}.")
    for folder in workspace.root.parent.iterdir():  # each visitor's workspace
        if any(not run.status().is_over for run in runs.list_all(Workspace(folder))):
            raise OptionsError(f"{SUMMARY} A run is in progress: try again in a few minutes.")


def _costly(config: Config) -> list[str]:
    """Labels of the settings that would make a small run take hours or wear out the disk."""
    is_costly = {
        "long_form_ratio": config.long_form_ratio > DEFAULTS.long_form_ratio,
        "validate_every_steps": config.validate_every_steps is not None,
        "max_validation_clips": config.max_validation_clips > DEFAULTS.max_validation_clips,
        "save_every_s": config.save_every_s < DEFAULTS.save_every_s,
        "save_every_steps": config.save_every_steps is not None,
    }
    return [label_of(name) for name, costs_more in is_costly.items() if costs_more]
