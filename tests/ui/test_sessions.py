"""Several open tabs leave the model its time: what would take it from it does not happen.

Times are for `python -m benchmarks.app`; here are their causes.
"""

import asyncio
import math
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.support import watched
from tests.support.server import serving
from tests.support.sessions import Tab, is_end_of_run, transcribe, workspace_with

pytestmark = pytest.mark.real

WATCHED_SERVER = (sys.executable, "-m", watched.__name__)
N_TABS = 5
# The list, the click and what it changes, the end.
PAGES_A_TAB = 4


@asynccontextmanager
async def five_tabs(address: str) -> AsyncIterator[list[Tab]]:
    """Tabs of a server that has its model, and nothing to do."""
    async with AsyncExitStack() as stack:
        tabs = [
            await stack.enter_async_context(Tab.open(address, "Transcribe")) for _ in range(N_TABS)
        ]
        await asyncio.wait_for(transcribe(tabs[0]), 300)
        # The others learn of the model, and of the queue, with the next run of their pages.
        for tab in tabs:
            async with tab.until(is_end_of_run):
                await tab.rerun()
        yield tabs


def looks_within(seconds: float) -> float:
    """How often a tab may look at its queue: often in the first second, then ever less often."""
    return 9 * min(seconds, 0.9) + 7 * math.log(max(seconds, 0.9) / 0.9) + 1


def runs_of(tabs: Sequence[Tab]) -> int:
    return sum(tab.runs for tab in tabs)


def test_five_tabs_ask_little_collect_nothing_in_full_and_each_sees_the_end(
    tmp_path: Path,
) -> None:
    workspace = workspace_with(tmp_path / "workspace", 120)
    collections = tmp_path / "collections.json"

    async def use(address: str) -> tuple[float, float]:
        async with five_tabs(address) as tabs:
            began = time.time()
            asked = runs_of(tabs)
            await asyncio.sleep(3)
            assert runs_of(tabs) == asked, "nothing changes, so nothing has to be looked at"

            for _ in range(3):
                asked, since = runs_of(tabs), time.monotonic()
                await asyncio.wait_for(transcribe(tabs[0], tabs[1:]), 300)
                looks = looks_within(time.monotonic() - since)
                assert runs_of(tabs) - asked <= N_TABS * (PAGES_A_TAB + looks)
            shown = tabs[0].shown
            async with asyncio.timeout(30):
                while any(tab.shown != shown for tab in tabs):
                    await asyncio.sleep(0.1)
            return began, time.time()

    program = WATCHED_SERVER
    variable = {watched.VARIABLE: str(collections)}
    with serving(workspace, program=program, **variable) as address:
        began, ended = asyncio.run(use(address))
    collected = [one for one in watched.read(collections) if began <= one.at <= ended]
    assert any(one.thread == "script" for one in collected), "the watch sees no scripts"
    in_full = [one for one in collected if one.generation == 2]
    assert not [one for one in in_full if one.thread != "garbage"]
