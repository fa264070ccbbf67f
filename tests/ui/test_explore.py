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


def set_number(app: AppTest, name: str, value: float) -> None:
    app.number_input(key=f"explore_{name}").set_value(value).run()
    assert not app.exception


@pytest.mark.parametrize("view", list(VIEWS))
def test_every_view_is_shown_with_its_shape_formula_and_code(app: AppTest, view: str) -> None:
    app.button_group(key="view").set_value(view).run()
    assert not app.exception
    assert not app.error
    assert VIEWS[view].explanation in [one.value for one in app.markdown]
    assert VIEWS[view].formula in app.latex[0].value
    assert "import" in app.code[0].value


def test_a_setting_that_does_not_suit_is_said_with_a_value_that_does(app: AppTest) -> None:
    set_number(app, "fmax", 30_000.0)
    (error,) = app.error
    assert "24000" in error.value
    next(one for one in app.button if one.label == "Use 24000").click().run()
    assert not app.exception
    assert not app.error
    assert app.number_input(key="explore_fmax").value == 24_000


def test_a_window_longer_than_the_recording_has_a_way_out(app: AppTest) -> None:
    short = Waveform(np.full(700, 0.1, np.float32), 16_000)
    app.file_uploader[0].upload("click.wav", audio.encode_wav(short)).run()
    app.selectbox(key="explored").set_value(app.selectbox(key="explored").options[-1])
    app.run()
    assert not app.exception
    for _ in range(6):
        ways_out = [one for one in app.button if one.label.startswith("Use ")]
        if not ways_out:
            break
        ways_out[0].click().run()
    assert not app.exception
    assert not app.error


def test_two_settings_stand_one_above_the_other(app: AppTest) -> None:
    app.button_group(key="against").set_value("Other settings").run()
    assert not app.exception
    assert app.selectbox(key="explore_n_fft").value != app.selectbox(key="other_n_fft").value
