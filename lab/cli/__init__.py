"""The command line, `python -m lab`: what the pages do, without a browser.

Results go to stdout or into files, messages and progress to stderr. An error costs one line and
exit code 2, Ctrl+C one line and 130. torch is imported only when it is needed, so help and error
messages appear at once.
"""

import io
import logging
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

import lab
from lab.cli import (
    dataset,
    dataset_check,
    dataset_stats,
    evaluate,
    export,
    features,
    health,
    models,
    prepare,
    train,
    transcribe,
)

# Options by their previous name, which is still accepted.
_RENAMED_OPTIONS = {
    "shares": "ratios",
    "by": "group-by",
    "keep": "keep-existing",
    "kind": "format",
    "listen": "analyse",
    "same": "normalizer",
    "words": "word-timestamps",
}

app = typer.Typer(
    help="Whisper AI Lab on the command line: prepare and transcribe recordings, manage datasets, "
    "and train, evaluate and export models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text: a usage error is a line, not a box
    context_settings={"token_normalize_func": lambda name: _RENAMED_OPTIONS.get(name, name)},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"Whisper AI Lab {lab.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Options of the program itself."""


app.command()(transcribe.transcribe)
app.command()(transcribe.detect)
app.command()(prepare.prepare)
app.command()(features.features)
app.command()(train.train)
app.command("train-run")(train.train_run)
app.command("runs")(train.list_runs)
app.command()(evaluate.evaluate)
app.command()(health.health)
app.command()(export.export)
dataset.app.command("check")(dataset_check.check_dataset)
dataset.app.command("stats")(dataset_stats.stats)
app.add_typer(models.app, name="models")
app.add_typer(dataset.app, name="dataset")


def main() -> None:
    """Run the command line as a program."""
    # Libraries warn about what nobody can change; messages of the lab itself are kept.
    warnings.filterwarnings("ignore")
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    logging.getLogger("lab").setLevel(logging.WARNING)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a pipe on Windows supports few letters otherwise
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    is_module = Path(sys.argv[0]).name == "__main__.py"
    app(prog_name="python -m lab" if is_module else "lab")
