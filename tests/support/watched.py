"""Streamlit with an eye on Python's garbage collector.

    LAB_WATCHED=collections.json python -m tests.support.watched run streamlit_app.py

When the server ends it writes what was collected, a list of `Collected`.
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

VARIABLE = "LAB_WATCHED"
# What Streamlit calls the threads that run pages.
_SCRIPTS = "ScriptRunner"


@dataclass(frozen=True)
class Collected:
    """One collection.

    at: seconds since 1970
    thread: its name; "script" for all that run pages
    generation: 2 is a full one
    """

    at: float
    thread: str
    generation: int
    seconds: float


def read(path: Path) -> list[Collected]:
    """What a server wrote when it ended."""
    return [Collected(**one) for one in json.loads(path.read_text(encoding="utf-8"))]


class _Watch:
    """What the collector calls; collections never overlap."""

    def __init__(self) -> None:
        self.collected: list[Collected] = []
        self._began = 0.0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        now = time.time()
        if phase == "start":
            self._began = now
            return
        name = threading.current_thread().name
        thread = "script" if name.startswith(_SCRIPTS) else name
        self.collected.append(Collected(self._began, thread, info["generation"], now - self._began))

    def write(self) -> None:
        content = [asdict(one) for one in self.collected]
        Path(os.environ[VARIABLE]).write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    watch = _Watch()
    gc.callbacks.append(watch)
    atexit.register(watch.write)
    sys.exit(cli.main(prog_name="streamlit"))
