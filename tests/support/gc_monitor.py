"""Streamlit, recording every run of Python's garbage collector.

    LAB_GC_LOG=collections.json python -m tests.support.gc_monitor run streamlit_app.py

When the server ends, it writes a list of `Collection`.
"""

import atexit
import gc
import json
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from streamlit.web import cli

VARIABLE = "LAB_GC_LOG"
# Prefix of the names that Streamlit gives to the threads that run pages.
_SCRIPT_THREADS = "ScriptRunner"


@dataclass(frozen=True)
class Collection:
    """One run of the collector.

    at: start, in seconds since 1970
    thread: name of the thread; "script" for all threads that run pages
    generation: 0 to 2; 2 is a full collection
    seconds: duration
    """

    at: float
    thread: str
    generation: int
    seconds: float


def read(path: Path) -> list[Collection]:
    """The collections that a server wrote when it ended."""
    return [Collection(**content) for content in json.loads(path.read_text(encoding="utf-8"))]


class _Monitor:
    """A callback for `gc.callbacks`; collections never overlap."""

    def __init__(self) -> None:
        self.collections: list[Collection] = []
        self._started_at = 0.0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        now = time.time()
        if phase == "start":
            self._started_at = now
            return
        name = threading.current_thread().name
        thread = "script" if name.startswith(_SCRIPT_THREADS) else name
        self.collections.append(
            Collection(self._started_at, thread, info["generation"], now - self._started_at)
        )

    def write(self) -> None:
        content = [asdict(collection) for collection in self.collections]
        Path(os.environ[VARIABLE]).write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    monitor = _Monitor()
    gc.callbacks.append(monitor)
    atexit.register(monitor.write)
    sys.exit(cli.main(prog_name="streamlit"))
