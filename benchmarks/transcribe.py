"""Long recordings: our engine beside openai-whisper, on the same speech, in one run.

    python -m benchmarks.transcribe [LANGUAGE …] [--minutes 5]

Prints WER and speed of both for each language, and the means. The recordings are the prompts of
`benchmarks.speech`, shuffled (seeded) and joined with pauses; neighbours repeat each other in the
order of the package, which no conversation does.
"""

import random
import time
from typing import Annotated

import jiwer
import typer
from whisper.normalizers import BasicTextNormalizer, EnglishTextNormalizer

from benchmarks import speech
from lab.asr import checkpoints
from lab.asr.engine import Engine
from lab.asr.options import TranscribeOptions
from lab.audio import Waveform


def recording(language: str, minutes: float) -> tuple[Waveform, str]:
    """About so many minutes of shuffled prompts, and their text."""
    utterances = speech.prompts(language)
    random.Random(0).shuffle(utterances)
    chosen, seconds = [], 0.0
    while utterances and seconds < 60 * minutes:
        chosen.append(utterances.pop())
        seconds += chosen[-1].load().duration_s + speech.PAUSE_S
    return speech.joined(chosen)


def main(
    languages: Annotated[list[str] | None, typer.Argument()] = None,
    minutes: float = 5.0,
    model: str = "base",
) -> None:
    """Compare on every language, or on those that are named."""
    engine = Engine.load(model)
    reference = checkpoints.load(model)
    print(f"{model}, {engine.device.precision} on {engine.device.name}; openai-whisper in float32")
    print(
        f"{'set':5} {'audio':>7} {'WER ours':>9} {'WER openai':>11} {'ours':>7} {'openai':>7} ratio"
    )
    rates: list[tuple[float, float]] = []
    for language in languages or speech.LANGUAGES:
        waveform, text = recording(language, minutes)
        normalise = EnglishTextNormalizer() if language == "en" else BasicTextNormalizer()
        began = time.perf_counter()
        ours = engine.transcribe(waveform, TranscribeOptions(language=language)).transcript().text
        our_s = time.perf_counter() - began
        began = time.perf_counter()
        theirs = reference.transcribe(waveform.samples, language=language, fp16=False)["text"]
        their_s = time.perf_counter() - began
        pair = tuple(jiwer.wer(normalise(text), normalise(said)) for said in (ours, str(theirs)))
        rates.append((pair[0], pair[1]))
        print(
            f"{language:5} {waveform.duration_s:6.0f}s {pair[0]:9.2%} {pair[1]:11.2%} "
            f"{waveform.duration_s / our_s:6.1f}x {waveform.duration_s / their_s:6.1f}x "
            f"{their_s / our_s:5.1f}",
            flush=True,
        )
    means = [sum(column) / len(rates) for column in zip(*rates, strict=True)]
    print(f"{'mean':5} {'':7} {means[0]:9.2%} {means[1]:11.2%}")


if __name__ == "__main__":
    typer.run(main)
