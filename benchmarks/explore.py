"""The views of Explore: computation time for 30 s, and the cost of displaying an hour.

    python -m benchmarks.explore [--minutes 60]

First, the second computation of each view of 30 s, as after a changed setting. Then, each in a
separate process, the cost for an hour: the waveform and spectrogram of a page, a zoom, and each
complete view. Memory is the peak of the process, including libraries and samples. The audio is the
English sample, repeated, with a little noise.
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
from lab.features.images import png
from lab.features.reduce import overview, waveform_envelope
from lab.features.spectra import in_decibels
from lab.features.tracks import non_silent_range
from lab.recordings.samples import FOLDER

# A wide screen, and a chart of half its height.
_WIDTH, _MAX_FRAMES, _MAX_BINS = 2000, 1600, 400
SCREEN, ZOOM = "waveform and spectrogram", "zoom to a minute"


@dataclass(frozen=True)
class Cost:
    """The cost of one task; n_bytes: sent to the browser, 0 if nothing is."""

    seconds: float
    n_bytes: int
    peak_mb: float


def recording(duration_s: float) -> Waveform:
    """The English sample, repeated, with noise that never repeats."""
    english = audio.decode(FOLDER / "english.ogg").samples
    samples = np.empty(round(duration_s * SAMPLE_RATE), np.float32)
    noise = np.random.default_rng(0)
    for start in range(0, len(samples), len(english)):
        part = samples[start : start + len(english)]
        part[:] = english[: len(part)]
        part += 0.001 * noise.standard_normal(len(part), dtype=np.float32)
    return Waveform(samples, SAMPLE_RATE)


def screen(waveform: Waveform, *, start_s: float = 0.0, end_s: float | None = None) -> int:
    """Compute the charts of a long recording; returns their bytes, encoded as Plotly does."""
    envelope = waveform_envelope(waveform, width=_WIDTH, start_s=start_s, end_s=end_s)
    non_silent_range(waveform, SOURCE_LAB)
    power = overview(
        waveform,
        SOURCE_LAB,
        "power",
        max_frames=_MAX_FRAMES,
        max_bins=_MAX_BINS,
        start_s=start_s,
        end_s=end_s,
    )
    feature = in_decibels(power, view="power_db", top_db=SOURCE_LAB.top_db)
    levels = np.rint((feature.array / SOURCE_LAB.top_db + 1) * 255).astype(np.uint8)
    arrays: tuple[NDArray[np.generic], ...] = (
        envelope.times.astype(np.float32), envelope.lowest, envelope.highest, levels,
    )  # fmt: skip
    return sum(len(base64.b64encode(array.tobytes())) for array in arrays)


def measure(task: str, minutes: float) -> Cost:
    """Run a task on a long recording, in this process, after loading its libraries."""
    waveform = recording(60 * minutes)
    tasks: dict[str, Callable[[Waveform], int]] = {
        SCREEN: screen,
        ZOOM: partial(screen, start_s=60.0, end_s=120.0),
        **{view: partial(_compute, view) for view in VIEWS},
    }
    tasks[task](waveform.slice(0, 2))
    started = time.perf_counter()
    n_bytes = tasks[task](waveform)
    seconds = time.perf_counter() - started
    return Cost(seconds, n_bytes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _compute(view: str, waveform: Waveform) -> int:
    compute(view, waveform, SOURCE_LAB)
    return 0


def seconds_of(work: Callable[[], object]) -> float:
    """Duration of the second call, when the libraries are loaded."""
    work()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main(
    minutes: float = 60.0, only: Annotated[str | None, typer.Option(hidden=True)] = None
) -> None:
    """Print seconds, megabytes and memory."""
    if only is not None:
        print(json.dumps(asdict(measure(only, minutes))))
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
        print(f"  {view:15} " + " ".join(f"{seconds:10.3f}" for seconds in times), flush=True)
    print(f"{minutes:g} minutes")
    for task in (SCREEN, ZOOM, *VIEWS):
        command = [sys.executable, "-m", "benchmarks.explore"]
        command += ["--minutes", str(minutes), "--only", task]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        cost = Cost(**json.loads(output.splitlines()[-1]))
        sent = f"{cost.n_bytes / 1e6:5.2f} MB sent" if cost.n_bytes else " " * 13
        print(f"  {task:25} {cost.seconds:6.2f} s  {sent}  {cost.peak_mb:6.0f} MB", flush=True)


if __name__ == "__main__":
    typer.run(main)
