"""Long recordings: our engine compared with openai-whisper and faster-whisper.

    python -m benchmarks.transcribe [LANGUAGE …] [--minutes 6]

For each language each contender runs in a separate process, one after the other, so that
fluctuations of the machine affect all of them. Prints WER, speed as a multiple of real time,
speed-ups and peak memory. The recordings are the prompts of `tests.support.speech`, shuffled
(seeded) and joined with pauses, because successive prompts of the package repeat each other.
"""

import json
import random
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Annotated

import jiwer
import typer
from whisper.normalizers import BasicTextNormalizer, EnglishTextNormalizer

from benchmarks import peers
from lab.asr.devices import best_device
from lab.audio import SAMPLE_RATE, Waveform
from tests.support import speech

OURS, OURS_FLOAT32, OPENAI = "ours", "ours, float32", "openai-whisper, float32"
FASTER = ("faster-whisper, int8", "faster-whisper, int8, batch 8", "faster-whisper, int8, batch 16")
CONTENDERS = {
    OURS: peers.ours,
    FASTER[2]: lambda: peers.faster_whisper(batch_size=16),
    OURS_FLOAT32: lambda: peers.ours(bfloat16=False),
    FASTER[1]: lambda: peers.faster_whisper(batch_size=8),
    FASTER[0]: peers.faster_whisper,
    OPENAI: peers.openai_whisper,
}
_WARM_UP_S = 30


@dataclass(frozen=True)
class ContenderResult:
    """The result of one contender with one recording."""

    wer: float
    times_real_time: float
    peak_mb: float


def recording(language: str, minutes: float) -> tuple[Waveform, str]:
    """About `minutes` of shuffled prompts, all of them before any is repeated, and their text."""
    prompts, shuffled = speech.prompts(language), random.Random(0)
    remaining: list[speech.Utterance] = []
    chosen, seconds = [], 0.0
    while seconds < 60 * minutes:
        if not remaining:
            remaining = shuffled.sample(prompts, len(prompts))
        chosen.append(remaining.pop())
        seconds += chosen[-1].load().duration_s + speech.PAUSE_S
    return speech.joined(chosen)


def word_error_rate(language: str, reference: list[str], hypothesis: list[str]) -> float:
    """WER with Whisper's normalizers."""
    normalize = EnglishTextNormalizer() if language == "en" else BasicTextNormalizer()
    return jiwer.wer([*map(normalize, reference)], [*map(normalize, hypothesis)])


def run(contender: str, language: str, minutes: float) -> ContenderResult:
    """Transcribe in this process, after a warm-up."""
    waveform, text = recording(language, minutes)
    transcribe = CONTENDERS[contender]()
    transcribe(Waveform(waveform.samples[: _WARM_UP_S * SAMPLE_RATE], SAMPLE_RATE), language)
    started = time.perf_counter()
    transcript = transcribe(waveform, language)
    seconds = time.perf_counter() - started
    return ContenderResult(
        wer=word_error_rate(language, [text], [transcript]),
        times_real_time=waveform.duration_s / seconds,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def main(
    languages: Annotated[list[str] | None, typer.Argument()] = None,
    minutes: float = 6.0,
    only: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Compare on all languages, or on the given ones."""
    languages = languages or list(speech.LANGUAGES)
    if only is not None:
        print(json.dumps(asdict(run(only, languages[0], minutes))))
        return
    device = best_device()
    print(f"base, about {minutes:g} minutes a language; ours in {device.precision}")
    print(f"on {device.name}; speed as a multiple of real time, and WER")
    runs: dict[str, list[ContenderResult]] = {contender: [] for contender in CONTENDERS}
    for language in languages:
        for contender, done in runs.items():
            command = [sys.executable, "-m", "benchmarks.transcribe", language]
            command += ["--minutes", str(minutes), "--only", contender]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            done.append(ContenderResult(**json.loads(answer.splitlines()[-1])))
            latest = done[-1]
            print(
                f"{language:3} {contender:31} {latest.times_real_time:6.1f}x {latest.wer:7.2%} "
                f"{latest.peak_mb:6.0f} MB",
                flush=True,
            )
    # The speed over all languages: a harmonic mean, because the recordings are equally long.
    speeds = {
        name: len(done) / sum(1 / one.times_real_time for one in done)
        for name, done in runs.items()
    }
    print("\nall" + f"{'':32} {'speed':>7} {'WER':>7} {'memory':>9}   ours is   float32 is")
    for contender, done in sorted(runs.items(), key=lambda pair: -speeds[pair[0]]):
        print(
            f"{'':3} {contender:31} {speeds[contender]:6.1f}x {mean(one.wer for one in done):7.2%} "
            f"{max(one.peak_mb for one in done):6.0f} MB {speeds[OURS] / speeds[contender]:8.2f}x "
            f"{speeds[OURS_FLOAT32] / speeds[contender]:10.2f}x"
        )


if __name__ == "__main__":
    typer.run(main)
