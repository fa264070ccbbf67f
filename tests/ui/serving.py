"""The app as a server, for the tests that drive it in a browser."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Generous: two cores may be busy with something else.
PATIENCE_MS = 120_000


@contextmanager
def serving(folder: Path, script: str = "streamlit_app.py", **environment: str) -> Iterator[str]:
    """The address of the app, started as `make run` starts it, on a workspace in `folder`."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "streamlit", "run", script),
                *("--server.port", str(port), "--server.address", "localhost"),
            ],
            cwd=ROOT,
            env={**os.environ, "LAB_WORKSPACE": str(folder / "workspace"), **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://localhost:{port}"
    try:
        _wait_until_up(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=20)
    said = (folder / "server.log").read_text()
    assert "Traceback" not in said, said


def _wait_until_up(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=5)
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the app did not start")
