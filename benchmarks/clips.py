"""Short clips: speed and WER compared with faster-whisper called clip by clip.

    python -m benchmarks.clips [LANGUAGE …] [--without-peer]

Ours uses a short audio context with a fallback to the full one; "ours, 30 s" uses the full one
only. Each contender runs in a separate process, after a warm-up: the threads that one leaves behind
slow the next one down by a quarter.
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
class ClipsResult:
    """The result of one contender with the clips of a language.

    extra_words: in the worst clip, compared with the reference
    """

    clips: int
    per_second: float
    wer: float
    extra_words: int


def ours(min_audio_ctx: int) -> Transcriber:
    """All clips at once, with at least `min_audio_ctx` encoder frames of 20 ms each."""
    engine = Engine.load("base")

    def transcribe(clips: list[Waveform], language: str) -> list[str]:
        options = TranscribeOptions(language=language)
        transcripts = engine.transcribe_clips(clips, options, min_audio_ctx=min_audio_ctx)
        return [transcript.text for transcript in transcripts]

    return transcribe


def clip_by_clip() -> Transcriber:
    """faster-whisper, called once for each clip."""
    peer = peers.faster_whisper()
    return lambda clips, language: [peer(clip, language) for clip in clips]


OURS, PEER = "ours", "faster-whisper, int8"
CONTENDERS: dict[str, Callable[[], Transcriber]] = {
    OURS: lambda: ours(SHORT_AUDIO_CTX),
    "ours, 30 s": lambda: ours(FULL_AUDIO_CTX),
    PEER: clip_by_clip,
}


def run(contender: str, language: str) -> ClipsResult:
    """Transcribe in this process, after a warm-up."""
    loaded = [(prompt.load(), prompt.text) for prompt in speech.prompts(language)]
    pairs = [pair for pair in loaded if len(pair[0].samples) <= WINDOW_SAMPLES]
    clips, texts = [clip for clip, _ in pairs], [text for _, text in pairs]
    transcribe = CONTENDERS[contender]()
    transcribe(clips[:_WARM_UP_CLIPS], language)
    started = time.perf_counter()
    hypotheses = transcribe(clips, language)
    seconds = time.perf_counter() - started
    return ClipsResult(
        clips=len(clips),
        per_second=len(clips) / seconds,
        wer=word_error_rate(language, texts, hypotheses),
        extra_words=max(
            len(hypothesis.split()) - len(text.split())
            for hypothesis, text in zip(hypotheses, texts, strict=True)
        ),
    )


def main(
    languages: Annotated[list[str] | None, typer.Argument()] = None,
    *,
    without_peer: bool = False,
    only: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Compare on all languages, or on the given ones."""
    languages = languages or list(speech.LANGUAGES)
    if only is not None:
        print(json.dumps(asdict(run(only, languages[0]))))
        return
    device = best_device()
    print(f"base, {device.precision} on {device.name}; clips per second and WER")
    for language in languages:
        speeds: dict[str, float] = {}
        for contender in CONTENDERS:
            if contender == PEER and without_peer:
                continue
            command = [sys.executable, "-m", "benchmarks.clips", language, "--only", contender]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            result = ClipsResult(**json.loads(answer.splitlines()[-1]))
            speeds[contender] = result.per_second
            print(
                f"{language:3} {contender:21} {result.clips} clips {result.per_second:6.1f}/s "
                f"{result.wer:7.2%}  at most {result.extra_words} extra words  "
                f"ours is {speeds[OURS] / result.per_second:.1f}x",
                flush=True,
            )


if __name__ == "__main__":
    typer.run(main)
