"""`transcribe` and `detect`: what is said in recordings, and in which language."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lab.asr.options import LanguageDetection, Task, TranscribeOptions
from lab.cli.shared import (
    Files,
    WorkspaceDir,
    all_or_exit_code,
    mistakes_in_one_line,
    one_line,
    readable,
)
from lab.cli.terminal import Terminal
from lab.cli.transcript_files import FileTarget, formats_of
from lab.core.errors import AudioError, OptionsError
from lab.core.languages import LANGUAGES
from lab.core.workspace import Workspace
from lab.transcripts import FORMATS

if TYPE_CHECKING:
    from lab.asr.engine import Engine
    from lab.audio import Waveform

N_OTHER_LANGUAGES = 4

ModelName = Annotated[
    str, typer.Option("--model", metavar="NAME", help="One of those that `models` lists.")
]


@mistakes_in_one_line()
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
        word_timestamps=words,
        beam_size=beam_size,
    )
    formats = formats_of(file_format, output_dir)
    models_dir = Workspace.default(workspace).models_dir
    with Terminal() as terminal, all_or_exit_code(files) as done:
        paths = readable(files, terminal)
        target = FileTarget(paths, formats, output_dir) if output_dir else None
        streamed = target is None and formats == ["txt"]
        for path, waveform, engine in _opened(paths, terminal, model, models_dir):
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


@mistakes_in_one_line()
def detect(files: Files, model: ModelName = "base", workspace: WorkspaceDir = None) -> None:
    """Say which language is spoken in recordings.

    The first half minute of speech decides, sound without speech left out.
    """
    models_dir = Workspace.default(workspace).models_dir
    with Terminal() as terminal, all_or_exit_code(files) as done:
        paths = readable(files, terminal)
        for path, waveform, engine in _opened(paths, terminal, model, models_dir):
            terminal.write(f"{path.name}: {_described(engine.detect_language(waveform))}\n")
            done.append(path)


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
            terminal.say(one_line(error))
            continue
        if waveform.warning:
            terminal.say(f"{path.name}: {waveform.warning}")
        yield path, waveform, engine


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


def _described(detection: LanguageDetection | None) -> str:
    if detection is None:
        return "no speech was found"
    likeliest, *others = [
        f"{LANGUAGES[code]} ({code}) {probability:.1%}"
        for code, probability in list(detection.probabilities.items())[: 1 + N_OTHER_LANGUAGES]
    ]
    return likeliest + (f"; then {', '.join(others)}" if others else "")
