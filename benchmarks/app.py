"""The cost of open tabs: one transcription in the app with 1, 5 and 12 tabs open.

    python -m benchmarks.app

All tabs show Transcribe with the same workspace. One of them transcribes; the others are used once
right after its click, so they follow the queue too. Reports the seconds from the click until the
text has reached the tab, with the model loaded, compared with the same work (decode the file,
detect the language, transcribe, save) in a process that does nothing else. Then how long a page
takes to open in the meantime, and how many script runs per second the server did. The tabs are
websockets (`tests.support.tabs`).
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from lab.asr.devices import best_device
from tests.support.app_server import serve
from tests.support.tabs import Tab, transcribe, workspace_with_speech

TABS = (1, 5, 12)
_WITHOUT_APP = """
import sys, time
from pathlib import Path
from lab import audio, recordings
from lab.asr.engine import Engine
from lab.asr.options import TranscribeOptions
from lab.core.workspace import Workspace
workspace = Workspace(Path(sys.argv[1]))
recording = recordings.list_all(workspace)[0]
engine = Engine.load("base")
for repetition in range(int(sys.argv[2]) + 1):
    started = time.perf_counter()
    waveform = audio.decode(recording.audio_path, name=recording.name)
    transcription = engine.transcribe(waveform, TranscribeOptions())
    list(transcription)
    recordings.save_transcript(recording, transcription.so_far())
    if repetition:
        print(time.perf_counter() - started)
"""


def without_app(workspace: Path, repetitions: int) -> list[float]:
    """Seconds of each transcription in a separate process."""
    command = [sys.executable, "-c", _WITHOUT_APP, str(workspace), str(repetitions)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(line) for line in result.stdout.split()]


async def with_app(workspace: Path, n_tabs: int, repetitions: int) -> None:
    """Measure with `n_tabs` open tabs and print the result."""
    async with AsyncExitStack() as stack:
        address = stack.enter_context(serve(workspace))
        tab = await stack.enter_async_context(Tab.open(address, "Transcribe"))
        await transcribe(tab)  # loads the model
        others = [
            await stack.enter_async_context(Tab.open(address, "Transcribe"))
            for _ in range(n_tabs - 1)
        ]
        tabs = (tab, *others)
        n_runs, started = sum(tab.runs for tab in tabs), time.perf_counter()
        times = [await transcribe(tab, others) for _ in range(repetitions)]
        n_runs = sum(tab.runs for tab in tabs) - n_runs
        runs_per_second = n_runs / (time.perf_counter() - started)
        task = asyncio.create_task(transcribe(tab, others))
        await asyncio.sleep(0.5)
        started = time.perf_counter()
        await stack.enter_async_context(Tab.open(address, "Transcribe"))
        opened_s = time.perf_counter() - started
        await task
    print(
        f"{n_tabs:2} tabs: {_summary(times)}, {runs_per_second:.1f} script runs per second, "
        f"a page opens in {opened_s:.2f} s meanwhile",
        flush=True,
    )


def _summary(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f})"


def main() -> None:
    """Print a line for each number of tabs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tabs", type=int, nargs="*", default=TABS)
    parser.add_argument("--seconds", type=float, nargs="*", default=(8.0, 120.0))
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    device = best_device()
    print(f"{device.name}, {os.cpu_count()} cores, {device.precision}")
    for seconds in options.seconds:
        with tempfile.TemporaryDirectory() as folder:
            workspace = workspace_with_speech(Path(folder), seconds)
            baseline = _summary(without_app(workspace, options.repetitions))
            print(f"{seconds:.0f} s of speech; without the app: {baseline}")
            for n_tabs in options.tabs:
                asyncio.run(with_app(workspace, n_tabs, options.repetitions))


if __name__ == "__main__":
    main()
