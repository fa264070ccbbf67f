"""The Browse tab of the Datasets page, without a browser."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lab import dataset as datasets
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.dataset.predictions import predict
from lab.importers import CorpusReader, get_format
from lab.recordings.samples import list_sample_datasets
from lab.ui.differences import differences_html
from tests.support.fake_engine import FakeEngine
from tests.support.paths import ROOT


@pytest.fixture
def english(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """A dataset of the English sample, 96 clips."""
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    folder = list_sample_datasets()[1].folder
    reading = CorpusReader(folder, get_format("audiofolder"))
    return datasets.import_clips(workspace, "english", reading, language="en").dataset


def browse(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    app.query_params.update(query)
    app.switch_page("pages/4_Datasets.py").run()
    assert not app.exception
    return app


def shown_text(app: AppTest) -> str:
    return "\n".join(one.value for one in [*app.markdown, *app.caption, *app.error, *app.info])


def clips_of(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value["text"])


@pytest.mark.usefixtures("english")
@pytest.mark.parametrize(("old", "tab"), [("Clean", "Clean"), ("Attic", "Browse")])
def test_older_bookmarks_open_their_tab(old: str, tab: str) -> None:
    app = browse(dataset="english", room=old)
    assert app.segmented_control(key="tab").value == tab
    assert "room" not in app.query_params
    app.segmented_control(key="tab").set_value("Check").run()
    assert app.segmented_control(key="tab").value == "Check"


def test_the_filter_shows_matching_clips_and_is_kept_in_the_url(
    english: Dataset,
) -> None:
    app = browse(dataset="english")
    assert "96 of 96 clips" in shown_text(app)
    app.text_input(key="filter").set_value('"number" in text and words > 4').run()
    wanted = [
        entry.transcription
        for entry in english.clips()
        if "number" in entry.transcription.lower() and len(entry.transcription.split()) > 4
    ]
    assert 0 < len(wanted) < 50
    assert clips_of(app) == wanted
    assert f"{len(wanted)} of 96 clips" in shown_text(app)
    again = browse(dataset="english", filter="words > 1000")
    assert "No clips match" in shown_text(again)


def test_an_invalid_filter_is_explained_and_hides_nothing(english: Dataset) -> None:
    app = browse(dataset=english.name, filter="wrods > 4")
    assert "words" in app.error[0].value
    assert "96 of 96 clips" in shown_text(app)


def test_sorting_applies_to_all_pages(english: Dataset) -> None:
    app = browse(dataset="english")
    app.selectbox(key="sort_by").set_value("duration").run()
    app.toggle(key="sort_descending").set_value(True).run()
    longest = sorted(english.clips(), key=lambda entry: -(entry.duration_s or 0))
    assert list(app.dataframe[0].value["duration"]) == [one.duration_s for one in longest[:50]]


def test_a_link_to_a_clip_opens_its_page_and_shows_it(english: Dataset) -> None:
    entry = english.clips()[70]
    app = browse(dataset="english", clip=entry.file_name)
    assert entry.transcription in clips_of(app)
    assert Path(entry.file_name).stem[:12] in shown_text(app).replace("\\", "")
    missing = browse(dataset="english", clip="../../secret.wav")
    assert "Select a row" in shown_text(missing)


def test_a_missing_audio_file_is_reported_and_the_other_clips_stay(english: Dataset) -> None:
    entry = english.clips()[0]
    english.audio_path(entry).unlink()
    app = browse(dataset="english", clip=entry.file_name)
    assert app.error
    assert len(clips_of(app)) == 50


def test_statistics_are_of_the_filtered_clips(english: Dataset) -> None:
    app = browse(dataset="english", filter='split == "test"')
    texts = [one.transcription for one in english.clips() if one.split == "test"]
    app.segmented_control(key="browse_view").set_value("Characters").run()
    letters = app.dataframe[0].value.set_index("Character")["Count"]
    assert letters["e"] == "".join(texts).count("e")
    app.segmented_control(key="browse_view").set_value("Durations").run()
    assert list(app.dataframe[0].value["Split"]) == ["test"]
    app.segmented_control(key="browse_view").set_value("Words").run()
    assert app.dataframe[0].value["Count"].sum() == sum(
        len(text.replace("-", " ").replace("'", " ").split()) for text in texts
    )


def test_predictions_are_shown_with_the_texts(english: Dataset) -> None:
    model = FakeEngine(name="deaf", transcribe=lambda *_: "the")
    predict(model, english, english.clips()[:10])  # type: ignore[arg-type]
    app = browse(dataset="english", filter="wer > 0")
    assert "10 of 96 clips" in shown_text(app)
    assert list(app.dataframe[0].value["prediction"]) == ["the deaf"] * 10
    app.segmented_control(key="browse_view").set_value("Errors").run()
    assert app.metric[3].value == "10 of 10"
    assert float(app.metric[0].value.rstrip("%")) > 80


def test_a_text_is_never_markup() -> None:
    html = differences_html("<b>mirë</b> dita", "<i>mire</i> dita", names=("Text", "Prediction"))
    assert "<b>" not in html
    assert "<i>" not in html
    assert "&lt;" in html
