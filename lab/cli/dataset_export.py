"""`dataset export`: clips with their texts for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from lab.cli.shared import WorkspaceDir, mistakes_in_one_line
from lab.cli.terminal import Terminal
from lab.core.errors import OptionsError
from lab.core.workspace import Workspace

_CORRECTED = "corrected"
_NAMED = 20


@mistakes_in_one_line()
def export_dataset(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The dataset.")],
    output: Annotated[
        Path, typer.Option(metavar="PATH", help="A new .zip, or a folder that is empty or new.")
    ],
    file_format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="audiofolder or nemo.")
    ] = "audiofolder",
    only: Annotated[
        str | None, typer.Option(metavar="STATUS", help="corrected: what a person has listened to.")
    ] = None,
    workspace: WorkspaceDir = None,
) -> None:
    """Write a dataset, without what is left out of it, to a zip or a folder."""
    if only not in (None, _CORRECTED):
        raise OptionsError(f"--only “{only}” is unknown; it can be {_CORRECTED}.")
    if output.exists() and not output.is_dir():
        raise OptionsError(f"“{output}” is there already. Choose another name.")
    from lab import dataset
    from lab.dataset.exporting import export

    found = dataset.find(Workspace.default(workspace), name)
    with Terminal() as terminal:
        done = export(
            found,
            output,
            layout=file_format,
            only_corrected=only == _CORRECTED,
            on_progress=terminal.progress(found.name),
        )
        for missing in done.missing[:_NAMED]:
            terminal.say(f"{missing}: its sound is gone")
        if len(done.missing) > _NAMED:
            terminal.say(f"… and {len(done.missing) - _NAMED} more without sound")
        terminal.write(f"{done.path}: {done.n_clips} clips, {done.duration_s / 3600:.2f} h\n")
