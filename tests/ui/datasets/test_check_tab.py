"""The Check tab, without a browser."""

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from lab import dataset
from lab.audio import SAMPLE_RATE, Waveform, encode_wav
from lab.core.workspace import Workspace
from lab.dataset import Dataset, language_check
from lab.dataset.language_check import ClipLanguage, LanguageCheck
from lab.ui.server import server
from tests.support.waiting import wait_for

TAB = """
from lab import dataset
from lab.ui.datasets.check_tab import show_check
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
            for entry, text in zip(made.clips(), texts, strict=True)
        ],
        what="corrected",
    )
    return made


def check_tab() -> AppTest:
    app = AppTest.from_string(TAB, default_timeout=60).run()
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
def test_findings_and_passed_checks_are_listed() -> None:
    app = check_tab()
    assert "**Symbols that are not spoken** :gray[2 clips]" in titles(app)
    assert "**Numbers in digits** :gray[1 clip]" in titles(app)
    fine = next(one for one in app.expander if "checks passed" in one.label)
    assert "No clip is longer than 30 s" in fine.markdown[0].value
    assert "noise" not in fine.markdown[0].value  # needs the audio analysis


def test_texts_are_cleaned_with_a_click_and_restored(made: Dataset) -> None:
    before = [entry.transcription for entry in made.clips()]
    app = opened(check_tab(), "symbols")
    assert list(app.dataframe[0].value["Text"]) == [before[0], before[2]]
    button(app, "Clean the texts").click().run()
    assert not app.exception
    assert made.clips()[0].transcription == "Mirë se vini"
    button(app, "Undo").click().run()
    assert not app.exception
    assert [entry.transcription for entry in made.clips()] == before


@pytest.mark.usefixtures("made")
def test_the_audio_of_all_clips_is_analysed(workspace: Workspace) -> None:
    app = check_tab()
    button(app, "Analyse all clips").click().run()
    assert not app.exception
    wait_for(server().dataset_analyses, workspace, server().dataset_analyses.jobs(workspace)[-1].id)
    app.run()
    assert any("All 3 clips analysed" in one.value for one in app.markdown)
    assert "**Mostly silent** :gray[1 clip]" in titles(app)


def test_a_wrong_language_is_reported_at_the_top(made: Dataset) -> None:
    def hear(n_times: int) -> AppTest:
        heard = [ClipLanguage(one.file_name, "sr", 0.9, "sq", 0.0001, 0.95) for one in made.clips()]
        language_check.save(made, LanguageCheck("base", tuple(heard * n_times)))
        return check_tab()

    assert "3 like Serbian" in hear(1).warning[0].value.replace("\\", "")
    first, second = hear(2).error
    assert "6 of 6 clips sound like Serbian (sr)" in first.value.replace("\\", "")
    assert "Checked by base" in second.value


def test_a_dataset_with_only_excluded_clips_has_nothing_to_check(made: Dataset) -> None:
    made.change([(one, replace(one, status="excluded")) for one in made.clips()], what="x")
    assert "all clips are excluded" in check_tab().info[0].value
