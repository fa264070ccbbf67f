"""The views of "Explore": their time for 30 s, and an hour on a screen.

    python -m benchmarks.explore [--minutes 60]

First the second computation of each view of 30 s, as after a change of a setting; then, each in a
process of its own, what an hour costs: waveform and spectrogram as a page shows them, a zoom, and
each view whole. Memory is the peak of the process, with the libraries and the samples. The sound is
the English sample, over and over, with a little noise.
"""

import base64
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from lab import audio
from lab.audio import SAMPLE_RATE, Waveform
from lab.features import SOURCE_LAB, VIEWS, WHISPER, compute
from lab.features.pictures import png
from lab.features.reduce import overview, waveform_envelope
from lab.features.spectra import in_decibels
from lab.features.tracks import sounding_part
from lab.recordings.samples import FOLDER

# A wide screen, and a picture of half its height.
_WIDTH, _MAX_FRAMES, _MAX_BINS = 2000, 1600, 400
SCREEN, ZOOM = "waveform and spectrogram", "zoom to a minute"


@dataclass(frozen=True)
class Run:
    """What one thing cost. n_bytes: what a browser would be sent, 0 where nothing is."""

    seconds: float
    n_bytes: int
    peak_mb: float


def recording(seconds: float) -> Waveform:
    """The English sample, over and over, with noise that never repeats."""
    english = audio.decode(FOLDER / "english.ogg").samples
    samples = np.empty(round(seconds * SAMPLE_RATE), np.float32)
    noise = np.random.default_rng(0)
    for start in range(0, len(samples), len(english)):
        part = samples[start : start + len(english)]
        part[:] = english[: len(part)]
        part += 0.001 * noise.standard_normal(len(part), dtype=np.float32)
    return Waveform(samples, SAMPLE_RATE)


def screen(waveform: Waveform, *, start_s: float = 0.0, end_s: float | None = None) -> int:
    """Compute what a page shows of a long recording; the bytes, encoded as Plotly does."""
    outline = waveform_envelope(waveform, width=_WIDTH, start_s=start_s, end_s=end_s)
    sounding_part(waveform, SOURCE_LAB)
    small = overview(
        waveform,
        SOURCE_LAB,
        "power",
        max_frames=_MAX_FRAMES,
        max_bins=_MAX_BINS,
        start_s=start_s,
        end_s=end_s,
    )
    shown = in_decibels(small, view="power_db", top_db=SOURCE_LAB.top_db)
    levels = np.rint((shown.array / SOURCE_LAB.top_db + 1) * 255).astype(np.uint8)
    arrays: tuple[NDArray[np.generic], ...] = (
        outline.times.astype(np.float32), outline.lowest, outline.highest, levels,
    )  # fmt: skip
    return sum(len(base64.b64encode(array.tobytes())) for array in arrays)


def run(what: str, minutes: float) -> Run:
    """Do one thing with a long recording, in this process, the libraries loaded."""
    waveform = recording(60 * minutes)
    brief = waveform.slice(0, 2)
    tasks: dict[str, Callable[[Waveform], int]] = {
        SCREEN: screen,
        ZOOM: partial(screen, start_s=60.0, end_s=120.0),
        **{view: partial(_computed, view) for view in VIEWS},
    }
    tasks[what](brief)
    began = time.perf_counter()
    n_bytes = tasks[what](waveform)
    seconds = time.perf_counter() - began
    return Run(seconds, n_bytes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _computed(view: str, waveform: Waveform) -> int:
    compute(view, waveform, SOURCE_LAB)
    return 0


def seconds_of(work: Callable[[], object]) -> float:
    """How long it takes the second time, when the libraries are loaded."""
    work()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(
    minutes: float = 60.0, only: Annotated[str | None, typer.Option(hidden=True)] = None
) -> None:
    """Print seconds, megabytes and memory."""
    if only is not None:
        print(json.dumps(asdict(run(only, minutes))))
        return
    half_minute = recording(30)
    print(f"30 s; seconds     {'source lab':>10} {'whisper':>10} {'png':>10} {'labelled':>10}")
    for view in VIEWS:
        feature = compute(view, half_minute, SOURCE_LAB)
        times = [
            seconds_of(partial(compute, view, half_minute, SOURCE_LAB)),
            seconds_of(partial(compute, view, half_minute, WHISPER)),
            seconds_of(partial(png, feature)),
            seconds_of(partial(png, feature, labelled=True)),
        ]
        print(f"  {view:15} " + " ".join(f"{one:10.3f}" for one in times), flush=True)
    print(f"{minutes:g} minutes")
    for what in (SCREEN, ZOOM, *VIEWS):
        command = [sys.executable, "-m", "benchmarks.explore"]
        command += ["--minutes", str(minutes), "--only", what]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        done = Run(**json.loads(answer.splitlines()[-1]))
        sent = f"{done.n_bytes / 1e6:5.2f} MB sent" if done.n_bytes else " " * 13
        print(f"  {what:25} {done.seconds:6.2f} s  {sent}  {done.peak_mb:6.0f} MB", flush=True)


if __name__ == "__main__":
    typer.run(main)
