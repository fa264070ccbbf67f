"""The app as a server in a separate process, for tests and benchmarks."""

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
# For Playwright; generous, because the machine may be busy with other work.
TIMEOUT_MS = 120_000
_START_TIMEOUT_S = 60


@contextmanager
def serve(
    workspace: Path,
    *,
    program: Sequence[str] = STREAMLIT,
    script: str = "streamlit_app.py",
    log: Path = Path(os.devnull),
    **environment: str,
) -> Iterator[str]:
    """Start the app as `make run` does; yields its host and port once it responds.

    program: command, with its arguments, that is run instead of `streamlit`
    log: file for the output of the server
    environment: variables in addition to those of this process

    Raises TimeoutError if it does not respond within a minute.
    """
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = [*program, "run", script, "--server.port", str(port), "--server.address", "localhost"]
    variables = {**os.environ, "LAB_WORKSPACE": str(workspace), **environment}
    address = f"localhost:{port}"
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT
        ) as server,
    ):
        try:
            _wait_until_ready(address, server)
            yield address
        finally:
            server.terminate()
            server.wait(timeout=20)


@contextmanager
def serve_strictly(
    folder: Path, *, script: str = "streamlit_app.py", **environment: str
) -> Iterator[str]:
    """Serve the app with a workspace in `folder`; yields its URL.

    Fails at the end if the server has logged an exception.
    """
    log = folder / "server.log"
    with serve(folder / "workspace", script=script, log=log, **environment) as address:
        yield f"http://{address}"
    output = log.read_text()
    assert "Traceback" not in output, output


def _wait_until_ready(address: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"http://{address}/_stcore/health", timeout=5)
        except urllib.error.URLError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("the app did not start")
