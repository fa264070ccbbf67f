"""`models`: list the models, and add one."""

from pathlib import Path
from typing import Annotated

import typer

from lab.cli.shared import WorkspaceDir, format_table, one_line_errors, option
from lab.cli.terminal import Terminal
from lab.core.workspace import Workspace

app = typer.Typer(help="List the models, or add one of your own.")


@app.callback(invoke_without_command=True)
@one_line_errors()
def models(context: typer.Context, workspace: WorkspaceDir = None) -> None:
    """List the models, or add one of your own."""
    if context.invoked_subcommand is not None:
        context.obj = workspace
        return
    from lab.asr import checkpoints

    rows = [("NAME", "SIZE", "INSTALLED", "NOTE")]
    for info in checkpoints.list_models(Workspace.default(workspace).models_dir):
        size = f"{info.size_bytes / 1e6:,.0f} MB" if info.size_bytes is not None else ""
        rows.append((info.name, size, "yes" if info.installed else "no", info.note))
    typer.echo(format_table(rows, left=(0, 2, 3)))


@app.command("add")
@one_line_errors()
def add_model(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="A .pt file, or a Hugging Face or CTranslate2 folder."),
    ],
    name: Annotated[str, option("NAME", "Name of the model in the workspace.")],
    workspace: WorkspaceDir = None,
) -> None:
    """Check a model and copy it to the workspace."""
    from lab.asr import checkpoints

    models_dir = Workspace.default(workspace or context.obj).models_dir
    with Terminal() as terminal:
        progress = terminal.progress(name)
        info = checkpoints.add(source, name=name, models_dir=models_dir, on_progress=progress)
        terminal.say(f"Added {info.name}: use it with --model {info.name}.")
