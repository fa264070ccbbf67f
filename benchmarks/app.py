"""What open tabs cost: a transcription in the app, with one, five and twelve tabs that look on.

    python -m benchmarks.app

All tabs look at Transcribe, in one workspace. One of them transcribes; the others are used once
right after its click, and so follow the queue as well. Seconds from the click until the text has
reached the tab, the model being warm, beside the same call (decoding the file, recognising the
language, transcribing, saving) in a process that does nothing else. Tabs are websockets
(`tests.support.sessions`). Then how long a page takes to open meanwhile, and how many scripts the
server ran a second.
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
from tests.support.server import serving
from tests.support.sessions import Tab, transcribe, workspace_with

TABS = (1, 5, 12)
_BARE = """
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
    began = time.perf_counter()
    waveform = audio.decode(recording.audio_path, name=recording.name)
    transcription = engine.transcribe(waveform, TranscribeOptions())
    list(transcription)
    recordings.save_transcript(recording, transcription.so_far())
    if repetition:
        print(time.perf_counter() - began)
"""


def bare(workspace: Path, repetitions: int) -> list[float]:
    """Seconds of each call in a process of its own."""
    call = [sys.executable, "-c", _BARE, str(workspace), str(repetitions)]
    done = subprocess.run(call, check=True, capture_output=True, text=True)
    return [float(line) for line in done.stdout.split()]


async def in_the_app(workspace: Path, n_tabs: int, repetitions: int) -> None:
    """Print what n_tabs see."""
    async with AsyncExitStack() as stack:
        address = stack.enter_context(serving(workspace))
        tab = await stack.enter_async_context(Tab.open(address, "Transcribe"))
        await transcribe(tab)  # which loads the model
        others = [
            await stack.enter_async_context(Tab.open(address, "Transcribe"))
            for _ in range(n_tabs - 1)
        ]
        n_runs, began = sum(one.runs for one in (tab, *others)), time.perf_counter()
        times = [await transcribe(tab, others) for _ in range(repetitions)]
        runs_a_second = (sum(one.runs for one in (tab, *others)) - n_runs) / (
            time.perf_counter() - began
        )
        task = asyncio.create_task(transcribe(tab, others))
        await asyncio.sleep(0.5)
        began = time.perf_counter()
        await stack.enter_async_context(Tab.open(address, "Transcribe"))
        opened_s = time.perf_counter() - began
        await task
    print(
        f"{n_tabs:2} tabs: {_told(times)}, {runs_a_second:.1f} scripts a second, "
        f"a page opens meanwhile in {opened_s:.2f} s",
        flush=True,
    )


def _told(times: list[float]) -> str:
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
            workspace = workspace_with(Path(folder), seconds)
            print(f"{seconds:.0f} s of speech; bare: {_told(bare(workspace, options.repetitions))}")
            for n_tabs in options.tabs:
                asyncio.run(in_the_app(workspace, n_tabs, options.repetitions))


if __name__ == "__main__":
    main()
