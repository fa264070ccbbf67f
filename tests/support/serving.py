"""The app as a server, for the tests that drive it in a browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import server

# Generous: two cores may be busy with something else.
PATIENCE_MS = 120_000


@contextmanager
def serving(folder: Path, script: str = "streamlit_app.py", **environment: str) -> Iterator[str]:
    """The address of the app, started as `make run` starts it, on a workspace in `folder`."""
    log = folder / "server.log"
    with server.serving(folder / "workspace", script=script, log=log, **environment) as address:
        yield f"http://{address}"
    said = log.read_text()
    assert "Traceback" not in said, said
