"""The cost of garbage collection in the app, and whether memory grows without full collections.

    python -m benchmarks.garbage

One tab transcribes a clip of 8 s 300 times, then reruns its page 2,000 times. Prints the server's
memory along the way, and at the end the number and duration of collections by thread and
generation. Set `STREAMLIT_RUNNER_POST_SCRIPT_GC=true` to measure Streamlit's default instead.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.support import gc_monitor
from tests.support.app_server import serve
from tests.support.gc_monitor import Collection
from tests.support.tabs import Tab, is_end_of_run, transcribe, workspace_with_speech

_MONITORED_SERVER = (sys.executable, "-m", gc_monitor.__name__)


async def use_app(folder: Path, n_transcriptions: int, n_reruns: int) -> None:
    """Transcribe and rerun, and print the server's memory ten times each."""
    workspace = workspace_with_speech(folder / "workspace", 8)
    with serve(workspace, program=_MONITORED_SERVER) as address:
        (server,) = psutil.Process().children()
        async with Tab.open(address, "Transcribe") as tab:
            for number in range(n_transcriptions + 1):
                if number % max(n_transcriptions // 10, 1) == 0:
                    _print_memory(server, f"{number} transcriptions")
                await transcribe(tab)
            for number in range(n_reruns + 1):
                if number % max(n_reruns // 10, 1) == 0:
                    _print_memory(server, f"{number} reruns")
                async with tab.wait_for(is_end_of_run):
                    await tab.rerun()


def _print_memory(server: psutil.Process, what: str) -> None:
    print(f"{server.memory_info().rss / 2**20:7.0f} MB after {what}", flush=True)


def summary(collections: Sequence[Collection]) -> list[str]:
    """A line for each kind of thread and generation."""
    durations: dict[tuple[str, int], list[float]] = defaultdict(list)
    for collection in collections:
        is_known = collection.thread in ("script", "engine", "garbage")
        thread = collection.thread if is_known else "others"
        durations[thread, collection.generation].append(collection.seconds)
    return [
        f"{thread:8} generation {generation}: {len(times):6} times, {sum(times):6.2f} s in total, "
        f"{1000 * max(times):4.0f} ms at most"
        for (thread, generation), times in sorted(durations.items())
    ]


def main() -> None:
    """Print memory and collections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transcriptions", type=int, default=300)
    parser.add_argument("--reruns", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "collections.json"
        os.environ[gc_monitor.VARIABLE] = str(path)
        started = time.perf_counter()
        asyncio.run(use_app(Path(folder), options.transcriptions, options.reruns))
        print(f"{time.perf_counter() - started:.0f} s in total, of which collections took:")
        print("\n".join(summary(gc_monitor.read(path))))


if __name__ == "__main__":
    main()
