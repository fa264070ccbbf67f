"""The whole "Prepare" stage on a long recording: the time of each step, and the memory.

python -m benchmarks.prepare [--minutes 60] [--language en] [--rate 48000] [--by speech]
"""

import random
import resource
import tempfile
import time
import wave
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import soxr  # type: ignore[import-untyped]
import typer

from benchmarks import speech
from lab.audio import SAMPLE_RATE
from lab.preprocess import AudioFile, Prepared, Recipe, Sound, apply
from lab.preprocess.export import write_clips
from lab.preprocess.recipe import (
    BitDepth,
    Channel,
    HighPass,
    Level,
    ReduceNoise,
    RemoveHum,
    RemoveOffset,
    Resample,
    Split,
    Trim,
)

FULL = Recipe(
    Channel(),
    Resample(22_050),
    RemoveOffset(),
    HighPass(),
    RemoveHum(),
    ReduceNoise(),
    Trim(),
    Level(),
    Split(),
    BitDepth(16),
)


def write_recording(path: Path, *, language: str, minutes: float, rate: int) -> None:
    """Write shuffled prompts with pauses and a little noise as stereo WAV, piece by piece."""
    utterances = speech.prompts(language)
    chance = random.Random(0)
    noise = np.random.default_rng(0)
    n_left = round(60 * minutes * rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        while n_left > 0:
            waveform, _ = speech.joined([chance.choice(utterances)])
            piece = soxr.resample(waveform.samples, SAMPLE_RATE, rate)[:n_left]
            piece = piece + noise.normal(0, 1e-3, piece.shape)
            levels = np.rint(piece * 32767).clip(-32768, 32767).astype("<i2")
            file.writeframes(np.repeat(levels, 2).tobytes())
            n_left -= len(piece)


def timed(recipe: Recipe, path: Path) -> tuple[Prepared, dict[str, float]]:
    """Prepare a recording; also the seconds that passed under each note of its progress."""
    seconds: dict[str, float] = {}
    current, since = "Opening", time.perf_counter()

    def on_progress(done: float, total: float, note: str = "") -> None:  # noqa: ARG001
        nonlocal current, since
        now = time.perf_counter()
        seconds[current] = seconds.get(current, 0.0) + now - since
        current, since = note, now

    return apply(recipe, AudioFile(path), on_progress=on_progress), seconds


def main(
    minutes: Annotated[float, typer.Option()] = 60.0,
    language: str = "en",
    rate: int = 48_000,
    by: str = "speech",
) -> None:
    """Print the seconds of each step, their sum, and the most memory that was used."""
    recipe = replace(FULL, split=Split(by="silence" if by == "silence" else "speech"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.wav"
        write_recording(path, language=language, minutes=minutes, rate=rate)
        apply(recipe, Sound(np.ones(SAMPLE_RATE, np.float32), SAMPLE_RATE))  # loads the libraries
        prepared, seconds = timed(recipe, path)
        began = time.perf_counter()
        write_clips(Path(folder) / "clips", prepared, source="recording.wav")
        seconds["Writing the clips"] = time.perf_counter() - began
    total = sum(seconds.values())
    print(f"{minutes:g} minutes of stereo at {rate} Hz, {len(fields(recipe))} steps, by {by}")
    for note, step_s in seconds.items():
        print(f"{note:28} {step_s:7.1f} s {step_s / total:6.1%}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{'all':28} {total:7.1f} s  {len(prepared.clips)} clips, at most {peak:.2f} GB of memory"
    )


if __name__ == "__main__":
    typer.run(main)
