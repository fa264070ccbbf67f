"""Short clips: how many a second, and how well, beside faster-whisper called clip by clip.

    python -m benchmarks.clips [LANGUAGE …] [--without-peer]

Ours hears clips in a short context, with checks and a second try; the same in Whisper's 30 seconds
shows what that costs. All run in turn in this process, each after a warm-up.
"""

import time
from collections.abc import Callable
from typing import Annotated

import typer

from benchmarks import peers, speech
from benchmarks.transcribe import word_error_rate
from lab.asr.engine import Engine
from lab.asr.options import TranscribeOptions
from lab.asr.recognition import FULL_CONTEXT
from lab.asr.speech import WINDOW_SAMPLES
from lab.audio import Waveform

_WARM_UP_CLIPS = 6

Transcriber = Callable[[list[Waveform], str], list[str]]


def main(
    languages: Annotated[list[str] | None, typer.Argument()] = None, *, without_peer: bool = False
) -> None:
    """Compare on every language, or on those that are named."""
    engine = Engine.load("base")

    def ours(clips: list[Waveform], language: str) -> list[str]:
        options = TranscribeOptions(language=language)
        return [one.text for one in engine.transcribe_clips(clips, options)]

    def ours_in_30_s(clips: list[Waveform], language: str) -> list[str]:
        options = TranscribeOptions(language=language)
        found = engine.transcribe_clips(clips, options, shortest_context=FULL_CONTEXT)
        return [one.text for one in found]

    ways: dict[str, Transcriber] = {"ours": ours, "ours, 30 s": ours_in_30_s}
    if not without_peer:
        peer = peers.faster_whisper()
        ways["faster-whisper, int8"] = lambda clips, language: [
            peer(clip, language) for clip in clips
        ]

    print(f"base, {engine.device.precision} on {engine.device.name}; clips a second and WER")
    for language in languages or speech.LANGUAGES:
        loaded = [(one.load(), one.text) for one in speech.prompts(language)]
        pairs = [pair for pair in loaded if len(pair[0].samples) <= WINDOW_SAMPLES]
        clips, texts = [clip for clip, _ in pairs], [text for _, text in pairs]
        speeds: dict[str, float] = {}
        for name, transcribe in ways.items():
            transcribe(clips[:_WARM_UP_CLIPS], language)
            began = time.perf_counter()
            said = transcribe(clips, language)
            speeds[name] = len(clips) / (time.perf_counter() - began)
            rate = word_error_rate(language, texts, said)
            extra = max(
                len(one.split()) - len(text.split()) for one, text in zip(said, texts, strict=True)
            )
            print(
                f"{language:3} {name:21} {len(clips)} clips {speeds[name]:6.1f}/s {rate:7.2%}  "
                f"at most {extra} words too many  ours is {speeds['ours'] / speeds[name]:.1f}x",
                flush=True,
            )


if __name__ == "__main__":
    typer.run(main)
