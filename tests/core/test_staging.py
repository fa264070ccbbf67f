"""Temporary folders leave nothing behind, not even if the process is killed."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab.core.errors import WorkspaceError
from lab.core.staging import Staging

HOLD = """
import sys, time
from pathlib import Path
from lab.core.staging import Staging
staging = Staging(Path(sys.argv[1]))
(staging.folder / "half.wav").write_bytes(b"half")
print(staging.folder.name, flush=True)
time.sleep(60)
"""


def test_leftovers_of_a_killed_process_are_removed_by_the_next_one(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        left = tmp_path / process.stdout.readline().strip()
        with Staging(tmp_path) as mine:  # in use, so it must not be touched
            assert (left / "half.wav").exists()
            assert mine != left
        os.kill(process.pid, signal.SIGKILL)
    assert (left / "half.wav").exists()
    with Staging(tmp_path) as mine:
        assert [path for path in tmp_path.iterdir() if path.is_dir()] == [mine]
    assert list(tmp_path.iterdir()) == []


def test_another_thread_may_remove_it_and_more_than_once(tmp_path: Path) -> None:
    staging = Staging(tmp_path / "new")
    thread = threading.Thread(target=staging.remove)
    thread.start()
    thread.join()
    staging.remove()
    assert list((tmp_path / "new").iterdir()) == []


def test_a_disk_error_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        Staging(tmp_path / "file")
