"""A dataset without splits is split before a training."""

from lab.dataset import Dataset, splitting
from lab.dataset.splitting import Proposal
from lab.training.config import Config


def split_if_need_be(dataset: Dataset, config: Config) -> Proposal | None:
    """Deal the clips out to train, validation and test, if none is in a split yet.

    Returns what was done, None where the dataset had splits. Raises OptionsError for too few clips,
    WorkspaceError when the disk refuses.
    """
    entries = dataset.entries()
    if any(entry.split for entry in entries if entry.is_usable):
        return None
    rest = (1 - config.train_share) / 2
    proposal = splitting.split(entries, shares=(config.train_share, rest, rest), seed=config.seed)
    dataset.change(proposal.edits, what="split")
    return proposal
