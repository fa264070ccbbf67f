"""What the garbage collector costs the app, and whether memory grows without its full collections.

    python -m benchmarks.garbage

One tab transcribes a clip of 8 s, 300 times, and then reruns its page 2,000 times. Prints the
memory of the server on the way, and at the end how often each generation was collected, by which
threads, and for how long. `STREAMLIT_RUNNER_POST_SCRIPT_GC=true` before it shows Streamlit's own
way.
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

from tests.support import watched
from tests.support.server import serving
from tests.support.sessions import Tab, is_end_of_run, transcribe, workspace_with
from tests.support.watched import Collected

_WATCHED_SERVER = (sys.executable, "-m", watched.__name__)


async def watch(folder: Path, n_transcriptions: int, n_reruns: int) -> None:
    """Print the memory of the server ten times on the way."""
    workspace = workspace_with(folder / "workspace", 8)
    with serving(workspace, program=_WATCHED_SERVER) as address:
        (server,) = psutil.Process().children()
        async with Tab.open(address, "Transcribe") as tab:
            for number in range(n_transcriptions + 1):
                if number % max(n_transcriptions // 10, 1) == 0:
                    _tell(server, f"{number} transcriptions")
                await transcribe(tab)
            for number in range(n_reruns + 1):
                if number % max(n_reruns // 10, 1) == 0:
                    _tell(server, f"{number} reruns")
                async with tab.until(is_end_of_run):
                    await tab.rerun()


def _tell(server: psutil.Process, what: str) -> None:
    print(f"{server.memory_info().rss / 2**20:7.0f} MB after {what}", flush=True)


def summary(collected: Sequence[Collected]) -> list[str]:
    """A line for each kind of thread and generation."""
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for one in collected:
        thread = one.thread if one.thread in ("script", "engine", "garbage") else "others"
        found[thread, one.generation].append(one.seconds)
    return [
        f"{thread:8} generation {generation}: {len(times):6} times, {sum(times):6.2f} s in all, "
        f"{1000 * max(times):4.0f} ms at most"
        for (thread, generation), times in sorted(found.items())
    ]


def main() -> None:
    """Print memory and collections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transcriptions", type=int, default=300)
    parser.add_argument("--reruns", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "collections.json"
        os.environ[watched.VARIABLE] = str(path)
        began = time.perf_counter()
        asyncio.run(watch(Path(folder), options.transcriptions, options.reruns))
        print(f"{time.perf_counter() - began:.0f} s in all; of that collections:")
        print("\n".join(summary(watched.read(path))))


if __name__ == "__main__":
    main()
