"""Creates runs, splitting datasets that have no splits yet."""

from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset import Dataset, splitting
from lab.dataset.splitting import SplitProposal
from lab.training import runs
from lab.training.config import Config
from lab.training.device import device_for
from lab.training.run import Run


def propose_split(dataset: Dataset, config: Config) -> SplitProposal | None:
    """Propose how to assign the clips to splits; None if some of them have one already.

    Depends on the settings alone. Raises OptionsError if there are too few clips.
    """
    clips = dataset.clips()
    if any(clip.split for clip in clips if clip.is_usable):
        return None
    rest = (1 - config.train_ratio) / 2
    return splitting.split(clips, ratios=(config.train_ratio, rest, rest), seed=config.seed)


def create_run(
    workspace: Workspace, dataset: Dataset, config: Config, *, name: str = ""
) -> tuple[Run, SplitProposal | None]:
    """Create a run and split its dataset if necessary: both, or neither.

    Returns the run and the split, None if the dataset had one already. Raises what `device_for`,
    `runs.create` and `propose_split` raise, WorkspaceError if writing fails.
    """
    device_for(config)
    proposal = propose_split(dataset, config)
    run = runs.create(workspace, config, name=name)
    if proposal:
        try:
            dataset.change(proposal.edits, what="split")
        except LabError:
            runs.delete(run)
            raise
    return run, proposal
