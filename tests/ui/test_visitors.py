"""Private workspaces of visitors in public mode."""

import os
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lab import recordings
from lab.core.workspace import Workspace
from tests.support.paths import ROOT


@pytest.fixture
def visitors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the private workspaces of an app in public mode."""
    monkeypatch.setenv("LAB_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("LAB_MODE", "public")
    # AppTest has no cookies; test_transcribe_journey.py tests them in a browser.
    monkeypatch.setattr("lab.ui.visitors._read_cookie", lambda: "../../etc")
    return tmp_path / "visitors"


def visit() -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    assert not app.exception
    return app


def test_a_visitor_does_not_see_another_visitors_recordings(visitors: Path) -> None:
    first = visit()
    (private,) = visitors.iterdir()
    recordings.add(Workspace(private), "secret.wav", b"mine")

    assert first.run().metric[0].value == "1"
    assert visit().metric[0].value == "0"
    assert len(list(visitors.iterdir())) == 2


def test_a_workspace_is_removed_a_day_after_the_last_visit(visitors: Path) -> None:
    visit()
    (old,) = visitors.iterdir()
    yesterday = time.time() - 25 * 3600
    os.utime(old, (yesterday, yesterday))
    visit()
    assert old not in visitors.iterdir()


def test_visitors_do_not_learn_the_folder_on_the_server(visitors: Path) -> None:
    shown = " ".join(caption.value for caption in visit().sidebar.caption)
    assert "private" in shown
    assert str(visitors.parent.name) not in shown.replace("\\", "")


def test_in_local_mode_there_is_one_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(tmp_path))
    recordings.add(Workspace(tmp_path), "mine.wav", b"mine")
    assert visit().metric[0].value == "1"
