"""The command line, `python -m lab`: what the pages do, without a browser.

Results go to stdout or into files; messages and progress go to stderr. A mistake costs one line and
exit code 2, Ctrl+C one line and 130. torch loads only once there is something to work on, so help
and refusals come at once.
"""

import difflib
import io
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lab.asr.options import LanguageDetection, Task, TranscribeOptions
from lab.errors import AudioError, LabError, OptionsError
from lab.languages import LANGUAGES
from lab.terminal import Terminal
from lab.transcript import FORMATS
from lab.transcript_files import FileTarget, formats_of
from lab.workspace import ENVIRONMENT_VARIABLE, Workspace

if TYPE_CHECKING:
    from lab.asr.engine import Engine
    from lab.audio import Waveform

BAD_INPUT, INTERRUPTED = 2, 130  # exit codes: what shells expect of a wrong call and of Ctrl+C
N_OTHER_LANGUAGES = 4

app = typer.Typer(
    help="Whisper AI Lab on the command line: transcribe recordings and look after models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text: a usage error is a line, not a box
)
models_app = typer.Typer(help="List the models that can be used, or add one of your own.")
app.add_typer(models_app, name="models")

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="Recordings of any kind.")]
ModelName = Annotated[
    str, typer.Option("--model", metavar="NAME", help="One of those that `models` lists.")
]
WorkspaceDir = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="DIR",
        # Not typer's `envvar`: in `models --workspace A add` it would win over A.
        help=f"Where models of your own are; else ${ENVIRONMENT_VARIABLE}, else ./workspace.",
    ),
]


def main() -> None:
    """Run the command line as a program of its own."""
    # The libraries below have much to say that nobody asked for; what the lab says is kept.
    warnings.filterwarnings("ignore")
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    logging.getLogger("lab").setLevel(logging.WARNING)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a pipe on Windows knows few letters otherwise
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    app(prog_name="python -m lab")


@contextmanager
def _mistakes_in_one_line() -> Iterator[None]:
    """Turn what a person can cause into a line on stderr and an exit code."""
    try:
        yield
    except LabError as error:
        typer.echo(_one_line(error), err=True)
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        typer.echo("Stopped.", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _all_or_exit_code(files: Sequence[Path]) -> Iterator[list[Path]]:
    """Gather the files that were done; if some were not, the others are done and the call fails."""
    done: list[Path] = []
    yield done
    if len(done) < len(set(files)):
        raise typer.Exit(BAD_INPUT)


@app.command()
@_mistakes_in_one_line()
def transcribe(
    files: Files,
    model: ModelName = "base",
    language: Annotated[
        str, typer.Option(metavar="LANGUAGE", help="What is spoken: auto, sq or Albanian.")
    ] = "auto",
    task: Annotated[
        str, typer.Option(metavar="TASK", help="transcribe, or translate into English.")
    ] = "transcribe",
    words: Annotated[bool, typer.Option("--words", help="Time each word (for json).")] = False,
    prompt: Annotated[
        str, typer.Option(metavar="TEXT", help="Names and spellings that occur.")
    ] = "",
    beam_size: Annotated[
        int, typer.Option(metavar="N", help="Hypotheses kept side by side, 1 to 20.")
    ] = 1,
    file_format: Annotated[
        str,
        typer.Option("--format", metavar="FORMAT", help=f"{', '.join(FORMATS)}, or all of them."),
    ] = "txt",
    output_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write files here, not to the terminal.")
    ] = None,
    workspace: WorkspaceDir = None,
) -> None:
    """Write down what is said in recordings.

    The text appears as it is recognised. With --output-dir, each recording becomes a file named
    after it.
    """
    options = TranscribeOptions(
        language=_language_code(language),
        task=cast("Task", task),  # the options check it
        prompt=prompt,
        word_times=words,
        beam_size=beam_size,
    )
    formats = formats_of(file_format, output_dir)
    models_dir = Workspace.default(workspace).models_dir
    with Terminal() as terminal, _all_or_exit_code(files) as done:
        readable = _readable(files, terminal)
        target = FileTarget(readable, formats, output_dir) if output_dir else None
        streamed = target is None and formats == ["txt"]
        for path, waveform, engine in _opened(readable, terminal, model, models_dir):
            progress = terminal.progress(path.name)
            transcription = engine.transcribe(waveform, options, on_progress=progress)
            if streamed and len(files) > 1:
                terminal.write(("\n" if done else "") + f"==> {path.name} <==\n")
            try:
                for segment in transcription:
                    if streamed:
                        terminal.write(segment.text.strip() + "\n")
                done.append(path)
            finally:  # what was recognised before Ctrl+C is kept
                transcript, complete = transcription.so_far(), path in done
                if complete or transcript.segments:
                    if target:
                        for written in target.write(path, transcript, complete=complete):
                            terminal.say(f"Wrote {written}")
                    elif not streamed:
                        terminal.write(FORMATS[formats[0]](transcript))
            if not transcription.info.has_speech:
                terminal.say(f"{path.name}: no speech was found.")
            elif not transcript.segments:
                terminal.say(f"{path.name}: there is a voice, but no words were understood.")


@app.command()
@_mistakes_in_one_line()
def detect(files: Files, model: ModelName = "base", workspace: WorkspaceDir = None) -> None:
    """Say which language is spoken in recordings.

    The first half minute of speech decides, sound without speech left out.
    """
    models_dir = Workspace.default(workspace).models_dir
    with Terminal() as terminal, _all_or_exit_code(files) as done:
        readable = _readable(files, terminal)
        for path, waveform, engine in _opened(readable, terminal, model, models_dir):
            terminal.write(f"{path.name}: {_described(engine.detect_language(waveform))}\n")
            done.append(path)


@models_app.callback(invoke_without_command=True)
@_mistakes_in_one_line()
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


@models_app.command("add")
@_mistakes_in_one_line()
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


def _language_code(language: str) -> str | None:
    """The code of a language given by code or English name; None for "auto"."""
    wanted = language.strip().casefold()
    codes = {name.casefold(): code for code, name in LANGUAGES.items()}
    if wanted == "auto":
        return None
    if wanted in LANGUAGES:
        return wanted
    if wanted in codes:
        return codes[wanted]
    close = difflib.get_close_matches(wanted, codes, n=1)
    hint = f" Did you mean {LANGUAGES[codes[close[0]]]}?" if close else ""
    raise OptionsError(
        f'Whisper knows no language "{language}".{hint} '
        "Give a code such as sq, an English name such as Albanian, or auto."
    )


def _readable(files: Sequence[Path], terminal: Terminal) -> list[Path]:
    """The files that look like recordings; each other one is complained about."""
    from lab import audio

    readable = []
    for path in dict.fromkeys(files):  # once each
        try:
            audio.probe(path)
        except AudioError as error:
            terminal.say(_one_line(error))
        else:
            readable.append(path)
    return readable


def _opened(
    paths: Sequence[Path], terminal: Terminal, model: str, models_dir: Path
) -> Iterator[tuple[Path, "Waveform", "Engine"]]:
    """Each recording, decoded, with the model; those that turn out unreadable are left out."""
    if not paths:
        return
    from lab import audio
    from lab.asr.engine import Engine

    engine = Engine.load(model, models_dir=models_dir, on_progress=terminal.progress(model))
    for path in paths:
        try:
            waveform = audio.decode(path, on_progress=terminal.progress(path.name))
        except AudioError as error:
            terminal.say(_one_line(error))
            continue
        if waveform.warning:
            terminal.say(f"{path.name}: {waveform.warning}")
        yield path, waveform, engine


def _described(detection: LanguageDetection | None) -> str:
    if detection is None:
        return "no speech was found"
    likeliest, *others = [
        f"{LANGUAGES[code]} ({code}) {probability:.1%}"
        for code, probability in list(detection.probabilities.items())[: 1 + N_OTHER_LANGUAGES]
    ]
    return likeliest + (f"; then {', '.join(others)}" if others else "")


def _one_line(error: LabError) -> str:
    return " ".join(str(error).splitlines())
