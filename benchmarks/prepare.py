"""Prepare an hour: time, memory, effect of splitting on speech, frequency response of resampling.

    python -m benchmarks.prepare [--minutes 60] [--language en]

The recording consists of prompts, shuffled (seeded), with pauses of 0.3 to 1.5 s and a little
noise, as a stereo WAV file with 16 bits at 44.1 kHz; `tests.support.spoken_passages` locates the
speech in it. Each run of the full recipe has a process of its own, which measures its memory and
loads the libraries.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
import wave
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from lab.audio import SAMPLE_RATE, Samples
from lab.preprocess import AudioArray, AudioFile, PreparedAudio, Recipe, apply
from lab.preprocess.export import write_clips
from lab.preprocess.reading import read_signal
from lab.preprocess.recipe import Resample
from tests.support.spoken_passages import (
    Stretch,
    covered_share,
    cuts_in_words,
    full_recipe,
    pieces,
    spoken,
)

RATE = 44_100  # Hz, of the recording
TARGETS = (16_000, 22_050)  # Hz
RESAMPLINGS = ((44_100, 16_000), (48_000, 16_000), (44_100, 22_050))
PASS_SHARES = (0.005, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9)  # of half the lower rate
STOP_SHARES = (1.02, 1.05, 1.1, 1.2, 1.3)

_NOISE = 1e-3  # -60 dBFS


@dataclass(frozen=True)
class Run:
    """What one process did with the recording.

    steps_s: seconds for each step, in order
    clips: where they lie in the recording
    """

    steps_s: dict[str, float]
    peak_gb: float
    clips: list[Stretch]


def write_recording(path: Path, language: str, minutes: float) -> list[Stretch]:
    """Write the recording piece by piece; returns where somebody speaks in it."""
    import soxr  # type: ignore[import-untyped]

    noise, stretches, n_written = np.random.default_rng(0), [], 0
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for samples, pause_s in pieces(language, minutes):
            at_s = n_written / RATE
            stretches += [(at_s + start_s, at_s + end_s) for start_s, end_s in spoken(samples)]
            pause = np.zeros(round(pause_s * RATE), np.float32)
            piece = np.concatenate([soxr.resample(samples, SAMPLE_RATE, RATE), pause])
            stereo = piece[:, np.newaxis] + noise.normal(0, _NOISE, (len(piece), 2))
            file.writeframes(np.rint(stereo * 32767).clip(-32768, 32767).astype("<i2").tobytes())
            n_written += len(piece)
    return stretches


def run(path: Path, sample_rate: int) -> Run:
    """Prepare the recording and write its clips, in this process."""
    recipe = full_recipe(sample_rate)
    began = time.perf_counter()
    apply(recipe, AudioArray(np.ones(SAMPLE_RATE, np.float32), SAMPLE_RATE))
    steps_s = {"Loading the libraries": time.perf_counter() - began}
    prepared = _timed(recipe, path, steps_s)
    began = time.perf_counter()
    write_clips(path.parent / f"clips-{sample_rate}", prepared, source=path.name)
    steps_s["Writing the clips"] = time.perf_counter() - began
    return Run(
        steps_s,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
        [(clip.start_s, clip.end_s) for clip in prepared.clips],
    )


def _timed(recipe: Recipe, path: Path, steps_s: dict[str, float]) -> PreparedAudio:
    """Prepare a recording, counting the seconds that pass under each note of its progress."""
    current, since = "Reading the recording", time.perf_counter()

    def on_progress(done: float, total: float, note: str = "") -> None:  # noqa: ARG001
        nonlocal current, since
        now = time.perf_counter()
        steps_s[current] = steps_s.get(current, 0.0) + now - since
        current, since = note, now

    return apply(recipe, AudioFile(path), on_progress=on_progress)


def gain_db(hz: float, rate: int, target: int) -> float:
    """How much louder a tone comes out of the resampling than it went in."""
    tone = (0.5 * np.sin(2 * np.pi * hz / rate * np.arange(4 * rate))).astype(np.float32)
    heard = read_signal(AudioArray(tone, rate), resample=Resample(target)).samples
    return _level_db(heard) - _level_db(tone)


def _level_db(samples: Samples) -> float:
    """Without the ends, where the tone is switched on and off: a click holds all frequencies."""
    middle = samples[len(samples) // 4 : -(len(samples) // 4)].astype(np.float64)
    return float(10 * np.log10(np.mean(np.square(middle)) + 1e-20))


def main(
    minutes: Annotated[float, typer.Option()] = 60.0,
    language: str = "en",
    only: Annotated[int | None, typer.Option(hidden=True)] = None,
    path: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Print the three reports."""
    if only is not None and path is not None:
        print(json.dumps(asdict(run(path, only))))
        return
    print("Resampling, by tones: 0 to 90 % of the lower band, from 2 % beyond it")
    for rate, target in RESAMPLINGS:
        passed, stopped = (
            [gain_db(share * target / 2, rate, target) for share in shares]
            for shares in (PASS_SHARES, STOP_SHARES)
        )
        print(f"{rate} to {target}: {max(map(abs, passed)):.4f} dB off, {max(stopped):.0f} dB")
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "recording.wav"
        stretches = write_recording(recording, language, minutes)
        for target in TARGETS:
            command = [sys.executable, "-m", "benchmarks.prepare", "--path", str(recording)]
            command += ["--only", str(target)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            content = json.loads(answer.splitlines()[-1])
            done = Run(content["steps_s"], content["peak_gb"], list(map(tuple, content["clips"])))
            _print_run(done, target, minutes, stretches)


def _print_run(done: Run, target: int, minutes: float, stretches: list[Stretch]) -> None:
    total_s = sum(done.steps_s.values())
    print(
        f"\n{minutes:g} minutes of stereo at {RATE} Hz, all {len(fields(Recipe))} steps, {target}"
    )
    for step, step_s in done.steps_s.items():
        print(f"{step:28} {step_s:7.1f} s {step_s / total_s:6.1%}")
    print(f"{'all':28} {total_s:7.1f} s, at most {done.peak_gb:.2f} GB of memory")
    lengths = [end_s - start_s for start_s, end_s in done.clips]
    cuts = [f"{cut_s:.2f}" for cut_s in cuts_in_words(stretches, done.clips)]
    print(
        f"{len(done.clips)} clips of {min(lengths):.1f} to {max(lengths):.1f} s cover "
        f"{covered_share(stretches, done.clips):.3%} of what is spoken; "
        f"{len(cuts)} borders inside words" + (f", at {', '.join(cuts)} s" if cuts else "")
    )


if __name__ == "__main__":
    typer.run(main)
