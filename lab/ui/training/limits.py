"""What a visitor of a public server may train: its processor is for all of them."""

from lab.core.errors import OptionsError
from lab.core.workspace import Workspace
from lab.training import runs
from lab.training.config import DEFAULTS, Config
from lab.ui.visitors import is_public

MODELS = ("tiny", "base")
MAX_EPOCHS, MAX_CLIPS, MAX_BATCH = 8, 500, 16

IN_WORDS = (
    f"This is a public server: it trains {' and '.join(MODELS)} for up to {MAX_EPOCHS} epochs on "
    f"datasets of up to {MAX_CLIPS} clips, in batches of up to {MAX_BATCH}, one run at a time. "
    "Batches at 30 s, validating and saving take no more than with the defaults. "
    "On a machine of your own there are no limits."
)


def check(workspace: Workspace, config: Config, n_clips: int) -> None:
    """Raises OptionsError where a public server does not do that, or not now.

    n_clips: with texts, of all splits, for validation and test take time too
    """
    if not is_public():
        return
    if config.architecture or config.model not in MODELS:
        raise OptionsError(f"{IN_WORDS} Choose one of these models.")
    is_large = config.batch_size > MAX_BATCH or config.devices * config.num_nodes > 1
    if config.epochs > MAX_EPOCHS or n_clips > MAX_CLIPS or is_large:
        raise OptionsError(f"{IN_WORDS} Make the run smaller.")
    if names := _costly(config):
        raise OptionsError(f"{IN_WORDS} As in the defaults should be: {', '.join(names)}.")
    visitors = workspace.root.parent
    for folder in visitors.iterdir():
        if any(not run.status().is_over for run in runs.list_all(Workspace(folder))):
            raise OptionsError(f"{IN_WORDS} One is under way: try again in some minutes.")


def _costly(config: Config) -> list[str]:
    """Settings by which a small run would take hours or wear the disk out."""
    costs_more = {
        "long_form_ratio": config.long_form_ratio > DEFAULTS.long_form_ratio,
        "validate_every_steps": config.validate_every_steps is not None,
        "max_validation_clips": config.max_validation_clips > DEFAULTS.max_validation_clips,
        "save_every_s": config.save_every_s < DEFAULTS.save_every_s,
        "save_every_steps": config.save_every_steps is not None,
    }
    return [name.replace("_", " ") for name, is_so in costs_more.items() if is_so]
