"""`dataset split`: train, validation and test without leaks."""

from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import WorkspaceDir, mistakes_in_one_line
from lab.core.errors import OptionsError
from lab.core.workspace import Workspace

if TYPE_CHECKING:
    from lab.dataset.splitting import Proposal


@mistakes_in_one_line()
def split_dataset(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The dataset.")],
    shares: Annotated[
        str, typer.Option(metavar="A,B,C", help="Hours for train, validation and test.")
    ] = "80,10,10",
    seed: Annotated[int, typer.Option(metavar="N", help="Another one splits differently.")] = 0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Only split clips that are in no split yet.")
    ] = False,
    by: Annotated[
        str,
        typer.Option(metavar="WHAT", help='Kept apart: "speaker and sentence", speaker, sentence.'),
    ] = "speaker and sentence",
    workspace: WorkspaceDir = None,
) -> None:
    """Split a dataset so that no speaker and no sentence is in two splits."""
    from lab import dataset
    from lab.dataset.splitting import split

    found = dataset.find(Workspace.default(workspace), name)
    proposal = split(found.entries(), shares=_shares(shares), seed=seed, by=by, keep=keep)
    found.change(proposal.edits, what="split")
    found.settle()
    if proposal.note:
        typer.echo(proposal.note, err=True)
    _say(proposal)


def _shares(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise OptionsError(
            f"“{text[:40]}” are no shares. Write three numbers with commas: 80,10,10."
        ) from None


def _say(proposal: "Proposal") -> None:
    typer.echo(f"{'SPLIT':10}  {'CLIPS':>7}  {'HOURS':>7}  {'SPEAKERS':>8}")
    for size in proposal.sizes:
        hours = f"{size.duration_s / 3600:.2f}"
        typer.echo(f"{size.split:10}  {size.n_clips:>7}  {hours:>7}  {size.n_speakers:>8}")
    before, after = len(proposal.leaks_before), len(proposal.leaks_after)
    typer.echo(f"{proposal.n_changed} clips have another split than before.", err=True)
    typer.echo(f"Speakers and sentences in two splits: {before} before, {after} now.", err=True)
