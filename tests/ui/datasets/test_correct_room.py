"""The room Correct without a browser; its keys and its player are in `test_correct_journey.py`."""

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
from lab.dataset.sitting import Sitting
from lab.ui.datasets import correcting, corrector


def room() -> None:
    from lab import dataset as datasets
    from lab.core.workspace import Workspace
    from lab.ui.datasets.correcting import show_correct

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


def open_room() -> AppTest:
    app = AppTest.from_function(room, default_timeout=60).run()
    assert not app.exception
    return app


def shown(app: AppTest) -> dict[str, Any]:
    """What the browser is given."""
    (component,) = app.get("bidi_component")
    return dict(json.loads(component.proto.json))


def do(app: AppTest, action: str, text: str = "") -> AppTest:
    """An action of the browser's."""
    sent = {"action": action, "clip": shown(app)["clip"], "text": text}
    sitting: Sitting = app.session_state[correcting._SITTING]
    with pytest.MonkeyPatch.context() as patch:
        state = {corrector.KEY: {"done": sent}, correcting._SITTING: sitting}
        patch.setattr(corrector.st, "session_state", state)
        correcting._act()
    app.session_state[correcting._TURN] = state[correcting._TURN]
    app.run()
    assert not app.exception
    return app


def test_clip_after_clip_is_shown_and_kept(dataset: Dataset) -> None:
    app = open_room()
    first = shown(app)
    assert first["clip"] == dataset.entries()[0].file_name
    assert first["seconds"] == pytest.approx(0.1)
    assert first["can"] == ["accept", "skip", "exclude"]
    do(app, "accept", "Mirë <b>dita</b>")
    second = shown(app)
    assert second["clip"] == dataset.entries()[1].file_name
    assert second["page"] != first["page"]
    assert second["turn"] != first["turn"]
    assert dataset.entries()[0].transcription == "Mirë <b>dita</b>"
    assert dataset.entries()[0].status == CORRECTED
    do(app, "undo")
    assert shown(app)["clip"] == first["clip"]
    assert dataset.entries()[0].transcription == ""


def test_a_clip_that_cannot_be_heard_is_said_and_can_be_left_out(dataset: Dataset) -> None:
    app = open_room()
    for _ in range(3):
        do(app, "skip")
    assert shown(app)["sound"] is None
    assert len(app.error) == 1
    do(app, "exclude")
    assert not app.error
    assert not app.get("bidi_component")
    assert any("last clip of this queue" in one.value for one in app.success)
    assert [entry.status for entry in dataset.entries()] == ["new", "new", "new", "excluded"]
    next(one for one in app.button if one.label == "Look for more").click().run()
    assert shown(app)["clip"] == dataset.entries()[0].file_name


def test_a_text_for_another_clip_than_the_one_shown_changes_nothing(dataset: Dataset) -> None:
    app = open_room()
    late = {"action": "accept", "clip": dataset.entries()[2].file_name, "text": "late"}
    sitting: Sitting = app.session_state[correcting._SITTING]
    with pytest.MonkeyPatch.context() as patch:
        state = {corrector.KEY: {"done": late}, correcting._SITTING: sitting}
        patch.setattr(corrector.st, "session_state", state)
        correcting._act()
    assert dataset.history() == []


@pytest.mark.parametrize("sent", [None, "x", {}, {"action": ["accept"]}, {"action": "delete"}])
def test_what_no_button_sends_is_passed_over(sent: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corrector.st, "session_state", {corrector.KEY: {"done": sent}})
    assert corrector.done() is None


def test_a_search_and_an_order_begin_anew(dataset: Dataset) -> None:
    app = open_room()
    app.text_input(key="correct_search").set_value("2-").run()
    assert not app.exception
    assert Path(shown(app)["clip"]).name.startswith("2-")
    app.text_input(key="correct_search").set_value("nothing like it").run()
    assert any("No clip waits here" in one.value for one in app.info)
    assert dataset.history() == []


def test_the_script_of_the_component_never_makes_html_of_a_text() -> None:
    source = Path(corrector.__file__).with_suffix(".js").read_text("utf-8")
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in source
