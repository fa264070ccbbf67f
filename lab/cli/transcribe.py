"""`transcribe` and `detect`: the text and the language of recordings."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lab.asr.options import LanguageDetection, Task, TranscribeOptions
from lab.cli.output_files import TranscriptWriter, expand_format
from lab.cli.shared import (
    Files,
    WorkspaceDir,
    exit_unless_all_done,
    one_line,
    one_line_errors,
    option,
    readable,
)
from lab.cli.terminal import Terminal
from lab.core.errors import AudioError, OptionsError
from lab.core.languages import LANGUAGES
from lab.core.workspace import Workspace
from lab.transcripts import FORMATS

if TYPE_CHECKING:
    from lab.asr.engine import Engine
    from lab.audio import Waveform

_N_OTHER_LANGUAGES = 4

ModelName = Annotated[str, option("NAME", "Model; `models` lists them.", "--model")]


@one_line_errors()
def transcribe(
    files: Files,
    model: ModelName = "base",
    language: Annotated[str, option("LANGUAGE", "Spoken language: auto, sq or Albanian.")] = "auto",
    task: Annotated[str, option("TASK", "transcribe, or translate to English.")] = "transcribe",
    word_timestamps: Annotated[
        bool,
        typer.Option("--word-timestamps", help="Add word timestamps (json only)."),
    ] = False,
    prompt: Annotated[str, option("TEXT", "Names and spellings that occur.")] = "",
    beam_size: Annotated[int, option("N", "Beam size, 1 to 20.")] = 1,
    file_format: Annotated[
        str, option("FORMAT", f"{', '.join(FORMATS)} or all.", "--format")
    ] = "txt",
    output_dir: Annotated[
        Path | None, option("DIR", "Write files here, not to the terminal.")
    ] = None,
    workspace: WorkspaceDir = None,
) -> None:
    """Transcribe recordings.

    The text appears while it is recognized. With --output-dir, each recording gets a file named
    after it.
    """
    options = TranscribeOptions(
        language=_language_code(language),
        task=cast("Task", task),  # the options check it
        prompt=prompt,
        word_timestamps=word_timestamps,
        beam_size=beam_size,
    )
    formats = expand_format(file_format, output_dir)
    models_dir = Workspace.default(workspace).models_dir
    with Terminal() as terminal, exit_unless_all_done(files) as done:
        paths = readable(files, terminal)
        writer = TranscriptWriter(paths, formats, output_dir) if output_dir else None
        streams_text = writer is None and formats == ["txt"]
        for path, waveform, engine in _decoded(paths, terminal, model, models_dir):
            progress = terminal.progress(path.name)
            transcription = engine.transcribe(waveform, options, on_progress=progress)
            if streams_text and len(files) > 1:
                terminal.write(("\n" if done else "") + f"==> {path.name} <==\n")
            try:
                for segment in transcription:
                    if streams_text:
                        terminal.write(segment.text.strip() + "\n")
                done.append(path)
            finally:  # keep what was recognized before Ctrl+C
                transcript, complete = transcription.so_far(), path in done
                if complete or transcript.segments:
                    if writer:
                        for written in writer.write(path, transcript, complete=complete):
                            terminal.say(f"Wrote {written}")
                    elif not streams_text:
                        terminal.write(FORMATS[formats[0]](transcript))
            if not transcription.info.has_speech:
                terminal.say(f"{path.name}: no speech was found.")
            elif not transcript.segments:
                terminal.say(f"{path.name}: there is speech, but no words were recognized.")


@one_line_errors()
def detect(files: Files, model: ModelName = "base", workspace: WorkspaceDir = None) -> None:
    """Detect the spoken language of recordings.

    The first 30 seconds of speech decide.
    """
    models_dir = Workspace.default(workspace).models_dir
    with Terminal() as terminal, exit_unless_all_done(files) as done:
        paths = readable(files, terminal)
        for path, waveform, engine in _decoded(paths, terminal, model, models_dir):
            detection = engine.detect_language(waveform)
            terminal.write(f"{path.name}: {_describe(detection)}\n")
            done.append(path)


def _decoded(
    paths: Sequence[Path], terminal: Terminal, model: str, models_dir: Path
) -> Iterator[tuple[Path, "Waveform", "Engine"]]:
    """Load the model and decode each recording; one that cannot be decoded costs a message."""
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
    """The code of a language, given its code or English name; None for “auto”."""
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
        f"Whisper does not support the language “{language}”.{hint} "
        "Give a code such as sq, an English name such as Albanian, or auto."
    )


def _describe(detection: LanguageDetection | None) -> str:
    if detection is None:
        return "no speech was found"
    likeliest, *others = [
        f"{LANGUAGES[code]} ({code}) {probability:.1%}"
        for code, probability in list(detection.probabilities.items())[: 1 + _N_OTHER_LANGUAGES]
    ]
    return likeliest + (f"; then {', '.join(others)}" if others else "")
