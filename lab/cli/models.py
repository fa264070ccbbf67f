"""`models`: what is installed, and adding one."""

from pathlib import Path
from typing import Annotated

import typer

from lab.cli.shared import WorkspaceDir, mistakes_in_one_line
from lab.cli.terminal import Terminal
from lab.core.workspace import Workspace

app = typer.Typer(help="List the models that can be used, or add one of your own.")


@app.callback(invoke_without_command=True)
@mistakes_in_one_line()
def models(context: typer.Context, workspace: WorkspaceDir = None) -> None:
    """List the models that can be used, or add one of your own."""
    if context.invoked_subcommand is not None:
        context.obj = workspace
        return
    from lab.asr import checkpoints

    rows = [("NAME", "SIZE", "INSTALLED", "NOTE")]
    for info in checkpoints.list_models(Workspace.default(workspace).models_dir):
        size = f"{info.size_bytes / 1e6:,.0f} MB" if info.size_bytes is not None else ""
        rows.append((info.name, size, "yes" if info.installed else "no", info.note))
    name_width, size_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    for name, size, installed, note in rows:
        typer.echo(f"{name:{name_width}}  {size:>{size_width}}  {installed:9}  {note}")


@app.command("add")
@mistakes_in_one_line()
def add_model(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="A .pt file, or a Hugging Face or CTranslate2 folder."),
    ],
    name: Annotated[str, typer.Option(metavar="NAME", help="What to call it from now on.")],
    workspace: WorkspaceDir = None,
) -> None:
    """Check a model and keep a copy of it in the workspace."""
    from lab.asr import checkpoints

    models_dir = Workspace.default(workspace or context.obj).models_dir
    with Terminal() as terminal:
        info = checkpoints.add(
            source, name=name, models_dir=models_dir, on_progress=terminal.progress(name)
        )
        terminal.say(f"Added {info.name}: use it with --model {info.name}.")
