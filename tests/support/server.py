"""The app as a server of its own, for benchmarks and tests that look at it from outside."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.paths import ROOT

STREAMLIT = (sys.executable, "-m", "streamlit")
_PATIENCE_S = 60


@contextmanager
def serving(
    workspace: Path,
    *,
    program: Sequence[str] = STREAMLIT,
    script: str = "streamlit_app.py",
    log: Path = Path(os.devnull),
    **environment: str,
) -> Iterator[str]:
    """Start the app as `make run` does; gives its host and port once it answers.

    program: what is run in place of `streamlit`, with its arguments
    log: takes what the server says
    environment: variables besides those of this process

    Raises TimeoutError if it does not answer within a minute.
    """
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    call = [*program, "run", script, "--server.port", str(port), "--server.address", "localhost"]
    variables = {**os.environ, "LAB_WORKSPACE": str(workspace), **environment}
    address = f"localhost:{port}"
    with (
        log.open("w") as said,
        subprocess.Popen(
            call, cwd=ROOT, env=variables, stdout=said, stderr=subprocess.STDOUT
        ) as server,
    ):
        try:
            _wait_until_up(address, server)
            yield address
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait_until_up(address: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"http://{address}/_stcore/health", timeout=5)
        except urllib.error.URLError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("the app did not start")
