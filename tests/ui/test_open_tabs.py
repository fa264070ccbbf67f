"""Open tabs leave the CPU to the model: they rerun rarely and trigger no full collection.

`python -m benchmarks.app` measures the times; this tests what they depend on.
"""

import asyncio
import math
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.support import gc_monitor
from tests.support.app_server import serve
from tests.support.tabs import Tab, is_end_of_run, transcribe, workspace_with_speech

pytestmark = pytest.mark.real

MONITORED_SERVER = (sys.executable, "-m", gc_monitor.__name__)
N_TABS = 5
# Adding to the list, the click, its effect, the end.
RUNS_PER_TAB = 4


@asynccontextmanager
async def five_tabs(address: str) -> AsyncIterator[list[Tab]]:
    """Idle tabs of a server that has loaded its model."""
    async with AsyncExitStack() as stack:
        tabs = [
            await stack.enter_async_context(Tab.open(address, "Transcribe")) for _ in range(N_TABS)
        ]
        await asyncio.wait_for(transcribe(tabs[0]), 300)
        # The others notice the model and the queue only when their pages run again.
        for tab in tabs:
            async with tab.wait_for(is_end_of_run):
                await tab.rerun()
        yield tabs


def max_refreshes(seconds: float) -> float:
    """How often a tab may refresh its queue: often in the first second, then less and less."""
    return 9 * min(seconds, 0.9) + 7 * math.log(max(seconds, 0.9) / 0.9) + 1


def count_runs(tabs: Sequence[Tab]) -> int:
    return sum(tab.runs for tab in tabs)


def test_five_tabs_rerun_rarely_collect_nothing_in_full_and_all_see_the_result(
    tmp_path: Path,
) -> None:
    workspace = workspace_with_speech(tmp_path / "workspace", 120)
    log = tmp_path / "collections.json"

    async def use(address: str) -> tuple[float, float]:
        async with five_tabs(address) as tabs:
            started_at = time.time()
            n_runs = count_runs(tabs)
            await asyncio.sleep(3)
            assert count_runs(tabs) == n_runs, "an idle page must not rerun"

            for _ in range(3):
                n_runs, started = count_runs(tabs), time.monotonic()
                await asyncio.wait_for(transcribe(tabs[0], tabs[1:]), 300)
                allowed = RUNS_PER_TAB + max_refreshes(time.monotonic() - started)
                assert count_runs(tabs) - n_runs <= N_TABS * allowed
            transcript_id = tabs[0].transcript_id
            async with asyncio.timeout(30):
                while any(tab.transcript_id != transcript_id for tab in tabs):
                    await asyncio.sleep(0.1)
            return started_at, time.time()

    variable = {gc_monitor.VARIABLE: str(log)}
    with serve(workspace, program=MONITORED_SERVER, **variable) as address:
        started_at, ended_at = asyncio.run(use(address))
    collections = [
        collection for collection in gc_monitor.read(log) if started_at <= collection.at <= ended_at
    ]
    threads = {collection.thread for collection in collections}
    assert "script" in threads, "the monitor does not recognise the threads that run pages"
    in_full = {collection.thread for collection in collections if collection.generation == 2}
    assert in_full <= {"garbage"}
