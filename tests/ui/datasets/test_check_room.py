"""The room Check, run without a browser."""

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from lab import dataset
from lab.audio import SAMPLE_RATE, Waveform, encode_wav
from lab.core.workspace import Workspace
from lab.dataset import Dataset, guard
from lab.dataset.guard import Heard, Listened
from lab.ui.state import examine_queue
from tests.support.waiting import wait_for

ROOM = """
from lab import dataset
from lab.ui.datasets.checkup import show_check
from lab.core.workspace import Workspace
workspace = Workspace.default()
show_check(workspace, dataset.find(workspace, "shqip"))
"""


@pytest.fixture
def made(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    tone = np.sin(np.arange(2 * SAMPLE_RATE) / 10).astype(np.float32) / 4
    clips = [
        (f"{number}.wav", encode_wav(Waveform(tone * number, SAMPLE_RATE))) for number in range(3)
    ]
    made, _ = dataset.add(workspace, "shqip", clips, language="sq")
    texts = ["Mirë [qesh] se vini", "Më 12 shkurt", "<b>*Fjali*</b> e zakonshme"]
    made.change(
        [
            (entry, replace(entry, transcription=text))
            for entry, text in zip(made.entries(), texts, strict=True)
        ],
        what="corrected",
    )
    return made


def room() -> AppTest:
    app = AppTest.from_string(ROOM, default_timeout=60).run()
    assert not app.exception
    return app


def opened(app: AppTest, key: str) -> AppTest:
    app.session_state[f"finding_{key}"] = True
    app.run()
    assert not app.exception
    return app


def button(app: AppTest, beginning: str) -> Button:
    return next(one for one in app.button if one.label.startswith(beginning))


def titles(app: AppTest) -> str:
    return " ".join(one.label for one in app.expander)


@pytest.mark.usefixtures("made")
def test_findings_are_listed_with_what_is_fine() -> None:
    app = room()
    assert "**Signs that nobody says** :gray[2 clips]" in titles(app)
    assert "**Numbers in digits** :gray[1 clip]" in titles(app)
    fine = next(one for one in app.expander if "checks found nothing" in one.label)
    assert "No clip is longer than 30 s" in fine.markdown[0].value
    assert "drowned" not in fine.markdown[0].value  # nobody has listened yet


def test_texts_are_cleaned_with_a_click_and_come_back(made: Dataset) -> None:
    before = [entry.transcription for entry in made.entries()]
    app = opened(room(), "symbols")
    assert list(app.dataframe[0].value["Text"]) == [before[0], before[2]]
    button(app, "Clean the texts").click().run()
    assert not app.exception
    assert made.entries()[0].transcription == "Mirë se vini"
    button(app, "Undo").click().run()
    assert not app.exception
    assert [entry.transcription for entry in made.entries()] == before


@pytest.mark.usefixtures("made")
def test_all_clips_are_listened_to_once(workspace: Workspace) -> None:
    app = room()
    button(app, "Listen to all clips").click().run()
    assert not app.exception
    wait_for(examine_queue(), workspace, examine_queue().jobs(workspace)[-1].id)
    app.run()
    assert any("All 3 clips were listened to" in one.value for one in app.markdown)
    assert "**Mostly silent** :gray[1 clip]" in titles(app)


def test_another_language_is_said_first_of_all(made: Dataset) -> None:
    def hear(n_times: int) -> AppTest:
        heard = [Heard(one.file_name, "sr", 0.9, "sq", 0.0001, 0.95) for one in made.entries()]
        guard.save(made, Listened("base", tuple(heard * n_times)))
        return room()

    assert "3 like Serbian" in hear(1).warning[0].value.replace("\\", "")
    first, second = hear(2).error
    assert "6 of 6 clips sound like Serbian (sr)" in first.value.replace("\\", "")
    assert "base listened" in second.value


def test_a_dataset_whose_clips_are_all_left_out_is_said_so(made: Dataset) -> None:
    made.change([(one, replace(one, status="excluded")) for one in made.entries()], what="x")
    assert "all of them are left out" in room().info[0].value
