"""A dataset without splits is split before a training."""

from collections.abc import Sequence

from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset import Dataset, Entry, splitting
from lab.dataset.splitting import Proposal
from lab.training import runs
from lab.training.config import Config
from lab.training.device import device_for
from lab.training.runs import Run


def proposed(dataset: Dataset, config: Config) -> Proposal | None:
    """How the clips would be dealt out to train, validation and test; None if some are in a split.

    The same settings propose the same. Raises OptionsError for too few clips.
    """
    entries = dataset.entries()
    if any(entry.split for entry in entries if entry.is_usable):
        return None
    rest = (1 - config.train_share) / 2
    return splitting.split(entries, shares=(config.train_share, rest, rest), seed=config.seed)


def entries_as_proposed(dataset: Dataset, config: Config) -> Sequence[Entry]:
    """The clips as they would be in a run; raises OptionsError for too few."""
    proposal = proposed(dataset, config)
    return [after for _, after in proposal.edits] if proposal else dataset.entries()


def create_run(
    workspace: Workspace, dataset: Dataset, config: Config, *, name: str = ""
) -> tuple[Run, Proposal | None]:
    """Make a run, and split its dataset if need be; neither is done where one cannot be.

    Returns the run and how the clips were dealt out, None where the dataset had splits. Raises what
    `device_for`, `runs.create` and `proposed` raise, WorkspaceError when the disk refuses.
    """
    device_for(config)
    proposal = proposed(dataset, config)
    run = runs.create(workspace, config, name=name)
    if proposal:
        try:
            dataset.change(proposal.edits, what="split")
        except LabError:
            runs.delete(run)
            raise
    return run, proposal
