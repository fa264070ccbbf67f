"""The Correct tab without a browser; `test_correct_journey.py` tests shortcuts and player."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lab import audio
from lab import dataset as datasets
from lab.audio import Waveform
from lab.core.workspace import Workspace
from lab.dataset import CORRECTED, Dataset
from lab.ui.datasets import correct_tab, text_editor
from lab.ui.datasets.correction_session import CorrectionSession


def app_script() -> None:
    from lab import dataset as datasets
    from lab.core.workspace import Workspace
    from lab.ui.datasets.correct_tab import show_correct

    workspace = Workspace.default()
    show_correct(workspace, datasets.find(workspace, "a"))


@pytest.fixture
def dataset(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    beeps = [
        (f"{n}.wav", audio.encode_wav(Waveform(np.full(800 * n, 0.1, np.float32), 8000)))
        for n in range(1, 4)
    ]
    return datasets.add(workspace, "a", [*beeps, ("bad.wav", b"no sound")], language="sq")[0]


def open_tab() -> AppTest:
    app = AppTest.from_function(app_script, default_timeout=60).run()
    assert not app.exception
    return app


def shown(app: AppTest) -> dict[str, Any]:
    """The data sent to the browser."""
    (component,) = app.get("bidi_component")
    return dict(json.loads(component.proto.json))


def do(app: AppTest, action: str, text: str = "") -> AppTest:
    """Act as the browser does when the person acts."""
    sent = {"action": action, "clip": shown(app)["clip"], "text": text}
    session: CorrectionSession = app.session_state[correct_tab._SESSION]
    with pytest.MonkeyPatch.context() as patch:
        state = {text_editor.KEY: {"action": sent}, correct_tab._SESSION: session}
        patch.setattr(text_editor.st, "session_state", state)
        correct_tab._handle_action()
    app.session_state[correct_tab._REPLY] = state[correct_tab._REPLY]
    app.run()
    assert not app.exception
    return app


def test_clips_are_shown_one_after_another_and_saved(dataset: Dataset) -> None:
    app = open_tab()
    first = shown(app)
    assert first["clip"] == dataset.clips()[0].file_name
    assert first["audio"]["duration_s"] == pytest.approx(0.1)
    assert first["actions"] == ["accept", "skip", "exclude"]
    do(app, "accept", "Mirë <b>dita</b>")
    second = shown(app)
    assert second["clip"] == dataset.clips()[1].file_name
    assert second["version"] != first["version"]
    assert second["reply"] != first["reply"]
    assert dataset.clips()[0].transcription == "Mirë <b>dita</b>"
    assert dataset.clips()[0].status == CORRECTED
    do(app, "undo")
    assert shown(app)["clip"] == first["clip"]
    assert dataset.clips()[0].transcription == ""


def test_an_unreadable_clip_is_reported_and_can_be_excluded(dataset: Dataset) -> None:
    app = open_tab()
    for _ in range(3):
        do(app, "skip")
    assert shown(app)["audio"] is None
    assert len(app.error) == 1
    do(app, "exclude")
    assert not app.error
    assert not app.get("bidi_component")
    assert any("end of the queue" in one.value for one in app.success)
    assert [entry.status for entry in dataset.clips()] == ["new", "new", "new", "excluded"]
    next(one for one in app.button if one.label == "Reload the queue").click().run()
    assert shown(app)["clip"] == dataset.clips()[0].file_name


def test_a_late_action_for_another_clip_changes_nothing(dataset: Dataset) -> None:
    app = open_tab()
    late = {"action": "accept", "clip": dataset.clips()[2].file_name, "text": "late"}
    session: CorrectionSession = app.session_state[correct_tab._SESSION]
    with pytest.MonkeyPatch.context() as patch:
        state = {text_editor.KEY: {"action": late}, correct_tab._SESSION: session}
        patch.setattr(text_editor.st, "session_state", state)
        correct_tab._handle_action()
    assert dataset.history() == []


@pytest.mark.parametrize("sent", [None, "x", {}, {"action": ["accept"]}, {"action": "delete"}])
def test_invalid_actions_are_ignored(sent: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_editor.st, "session_state", {text_editor.KEY: {"action": sent}})
    assert text_editor.last_action() is None


def test_a_search_starts_a_new_queue(dataset: Dataset) -> None:
    app = open_tab()
    app.text_input(key="correct_search").set_value("2-").run()
    assert not app.exception
    assert Path(shown(app)["clip"]).name.startswith("2-")
    app.text_input(key="correct_search").set_value("nothing like it").run()
    assert any("Nothing left to correct" in one.value for one in app.info)
    assert dataset.history() == []


def test_the_component_never_parses_text_as_html() -> None:
    source = Path(text_editor.__file__).with_suffix(".js").read_text("utf-8")
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in source
