"""The command line, run in this process or in a subprocess."""

import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner, Result

from lab import audio
from lab.audio import Waveform
from lab.cli import app
from lab.recordings.samples import FOLDER

COMMAND = [sys.executable, "-m", "lab"]
HOME = FOLDER.parent


def lab(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)), env=environment)


def write(path: Path, waveform: Waveform) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(audio.encode_wav(waveform))
    return path


def assert_refused(result: Result, *mentioned: str) -> None:
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    for part in mentioned:
        assert part in result.stderr


def modules_after(*arguments: str) -> set[str]:
    """Names of the modules that are loaded when the command has ended."""
    program = (
        "import sys; from lab.cli import main\n"
        "try: main()\n"
        "finally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=HOME, capture_output=True, text=True
    )
    return set(done.stderr.splitlines()[-1].split())
