"""Short clips: how many a second, and how well, beside faster-whisper called clip by clip.

    python -m benchmarks.clips [LANGUAGE …] [--without-peer]

Ours hears clips in a short context, with checks and a second try; the same in Whisper's 30 seconds
shows what that costs. Each way runs in a process of its own, after a warm-up: the threads that one
leaves behind slow the next one down by a quarter.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from benchmarks import peers
from benchmarks.transcribe import word_error_rate
from lab.asr.audio_context import FULL_AUDIO_CTX, SHORT_AUDIO_CTX
from lab.asr.devices import best_device
from lab.asr.engine import Engine
from lab.asr.options import TranscribeOptions
from lab.asr.speech import WINDOW_SAMPLES
from lab.audio import Waveform
from tests.support import speech

_WARM_UP_CLIPS = 6

Transcriber = Callable[[list[Waveform], str], list[str]]


@dataclass(frozen=True)
class Run:
    """What one way did with the clips of a language; too_many: words in the worst clip."""

    clips: int
    per_second: float
    wer: float
    too_many: int


def ours(min_audio_ctx: int) -> Transcriber:
    """All clips at once, each heard in at least so many positions of 20 ms."""
    engine = Engine.load("base")

    def transcribe(clips: list[Waveform], language: str) -> list[str]:
        options = TranscribeOptions(language=language)
        found = engine.transcribe_clips(clips, options, min_audio_ctx=min_audio_ctx)
        return [one.text for one in found]

    return transcribe


def clip_by_clip() -> Transcriber:
    """faster-whisper, called once for each clip."""
    peer = peers.faster_whisper()
    return lambda clips, language: [peer(clip, language) for clip in clips]


OURS, PEER = "ours", "faster-whisper, int8"
WAYS: dict[str, Callable[[], Transcriber]] = {
    OURS: lambda: ours(SHORT_AUDIO_CTX),
    "ours, 30 s": lambda: ours(FULL_AUDIO_CTX),
    PEER: clip_by_clip,
}


def run(way: str, language: str) -> Run:
    """Transcribe in this process, after a warm-up."""
    loaded = [(one.load(), one.text) for one in speech.prompts(language)]
    pairs = [pair for pair in loaded if len(pair[0].samples) <= WINDOW_SAMPLES]
    clips, texts = [clip for clip, _ in pairs], [text for _, text in pairs]
    transcribe = WAYS[way]()
    transcribe(clips[:_WARM_UP_CLIPS], language)
    began = time.perf_counter()
    said = transcribe(clips, language)
    seconds = time.perf_counter() - began
    return Run(
        clips=len(clips),
        per_second=len(clips) / seconds,
        wer=word_error_rate(language, texts, said),
        too_many=max(
            len(one.split()) - len(text.split()) for one, text in zip(said, texts, strict=True)
        ),
    )


def main(
    languages: Annotated[list[str] | None, typer.Argument()] = None,
    *,
    without_peer: bool = False,
    only: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Compare on every language, or on those that are named."""
    languages = languages or list(speech.LANGUAGES)
    if only is not None:
        print(json.dumps(asdict(run(only, languages[0]))))
        return
    device = best_device()
    print(f"base, {device.precision} on {device.name}; clips a second and WER")
    for language in languages:
        speeds: dict[str, float] = {}
        for way in WAYS:
            if way == PEER and without_peer:
                continue
            command = [sys.executable, "-m", "benchmarks.clips", language, "--only", way]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            one = Run(**json.loads(answer.splitlines()[-1]))
            speeds[way] = one.per_second
            print(
                f"{language:3} {way:21} {one.clips} clips {one.per_second:6.1f}/s {one.wer:7.2%}  "
                f"at most {one.too_many} words too many  "
                f"ours is {speeds[OURS] / one.per_second:.1f}x",
                flush=True,
            )


if __name__ == "__main__":
    typer.run(main)
