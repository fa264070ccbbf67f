"""The Explore page without a browser."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lab import audio
from lab.audio import Waveform
from lab.core.workspace import Workspace
from lab.features import VIEWS
from lab.recordings.samples import list_samples
from tests.support.paths import ROOT

SPEECH = list_samples()[0].audio_path.read_bytes()


@pytest.fixture(autouse=True)
def _own_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))


@pytest.fixture
def app() -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    app.switch_page("pages/2_Explore.py").run()
    app.file_uploader[0].upload("talk.ogg", SPEECH).run()
    assert not app.exception
    return app


@pytest.mark.parametrize("view", list(VIEWS))
def test_every_view_is_shown_with_its_shape_formula_and_code(app: AppTest, view: str) -> None:
    app.button_group(key="view").set_value(view).run()
    assert not app.exception
    assert not app.error
    assert VIEWS[view].explanation in [markdown.value for markdown in app.markdown]
    assert VIEWS[view].formula in app.latex[0].value
    assert "import" in app.code[0].value


def test_a_setting_that_cannot_be_used_comes_with_one_that_can(app: AppTest) -> None:
    app.number_input(key="explore_fmax").set_value(30_000.0).run()
    assert not app.exception
    (error,) = app.error
    assert "24000" in error.value
    next(button for button in app.button if button.label == "Use 24000").click().run()
    assert not app.exception
    assert not app.error
    assert app.number_input(key="explore_fmax").value == 24_000


def test_a_window_longer_than_the_recording_can_be_fixed(app: AppTest) -> None:
    short = Waveform(np.full(700, 0.1, np.float32), 16_000)
    app.file_uploader[0].upload("click.wav", audio.encode_wav(short)).run()
    app.selectbox(key="explored").set_value(app.selectbox(key="explored").options[-1])
    app.run()
    assert not app.exception
    for _ in range(6):
        fixes = [button for button in app.button if button.label.startswith("Use ")]
        if not fixes:
            break
        fixes[0].click().run()
    assert not app.exception
    assert not app.error


def test_two_settings_are_compared(app: AppTest) -> None:
    app.button_group(key="compare_with").set_value("Other settings").run()
    assert not app.exception
    assert app.selectbox(key="explore_n_fft").value != app.selectbox(key="other_n_fft").value
