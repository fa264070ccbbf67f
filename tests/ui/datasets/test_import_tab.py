"""The import form, without a browser."""

import io
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from lab import audio, dataset
from lab.audio import Waveform
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.dataset.store import datasets_dir
from lab.jobs.dataset_analysis import LanguageCheckQueue
from lab.recordings.samples import list_sample_datasets

PAGE = """
from lab.ui.datasets.import_tab import show_import
from lab.core.workspace import Workspace
show_import(Workspace.default())
"""


@pytest.fixture(autouse=True)
def _own_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    # The language check is tested with real speech in `test_language_check.py`.
    monkeypatch.setattr(LanguageCheckQueue, "submit", lambda *_: 1)


def open_tab() -> AppTest:
    return ok(AppTest.from_string(PAGE, default_timeout=60).run())


def ok(app: AppTest) -> AppTest:
    assert not app.exception
    return app


def choose(app: AppTest, source: str) -> AppTest:
    return ok(app.segmented_control(key="import_source").set_value(source).run())


def button(app: AppTest, label: str) -> Button:
    return next(one for one in app.button if one.label == label)


def field(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(one for one in (*app.selectbox, *app.text_input) if one.label == label)


def wait_for_dataset(app: AppTest, workspace: Workspace, name: str) -> Dataset:
    deadline = time.monotonic() + 60
    while name not in {one.name for one in dataset.list_all(workspace)}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    while not any("imported" in one.value for one in ok(app.run()).markdown):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return dataset.find(workspace, name)


def corpus() -> bytes:
    """An LJSpeech archive with a row whose audio file is missing."""
    sound = audio.encode_wav(Waveform(np.zeros(16_000, np.float32), 16_000))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("LJ/metadata.csv", "a|Mir\u00eb|Mir\u00eb\n=gone|Jo|Jo\n")
        packed.writestr("LJ/wavs/a.wav", sound)
    return buffer.getvalue()


def test_a_sample_is_imported_with_one_click_and_opened(workspace: Workspace) -> None:
    app = open_tab()
    (sample, *_) = list_sample_datasets()
    assert any("Hugging Face" in one.value for one in app.info)
    ok(button(app, "Import").click().run())
    imported = wait_for_dataset(app, workspace, sample.folder.name)
    assert {entry.language for entry in imported.clips()} == {sample.language}
    ok(button(app, "Open").click().run())
    assert app.query_params["dataset"] == imported.name


def test_an_archive_is_inspected_confirmed_and_imported(workspace: Workspace) -> None:
    app = choose(open_tab(), "Upload")
    ok(app.file_uploader[0].upload("LJ Speech.zip", corpus()).run())
    assert "LJSpeech" in app.info[0].value
    assert field(app, "Format").value.name == "ljspeech"
    assert field(app, "Dataset name").value == "lj-speech"
    assert button(app, "Import").disabled  # the language is not known yet
    ok(field(app, "Spoken language").set_value("sq").run())
    ok(button(app, "Import").click().run())
    imported = wait_for_dataset(app, workspace, "lj-speech")
    assert [(one.transcription, one.language) for one in imported.clips()] == [("Mir\u00eb", "sq")]
    table = app.dataframe[0].value
    assert list(table["Item"]) == ["wavs/=gone"]
    assert not app.file_uploader[0].value
    assert not list(datasets_dir(workspace).glob(".import*"))
    # A second import of the same archive: both results are shown.
    ok(app.file_uploader[0].upload("LJ Speech.zip", corpus()).run())
    assert "existing dataset" in " ".join(one.value for one in app.caption)
    ok(field(app, "Spoken language").set_value("sq").run())
    ok(button(app, "Import").click().run())
    deadline = time.monotonic() + 60
    while not any("1 already in the dataset" in one.value for one in ok(app.run()).markdown):
        assert time.monotonic() < deadline
    assert len([one for one in app.button if one.label == "Open"]) == 2


def test_a_new_upload_replaces_the_previous_one(workspace: Workspace) -> None:
    app = choose(open_tab(), "Upload")
    ok(app.file_uploader[0].upload("a.zip", corpus()).run())
    ok(app.file_uploader[0].upload("b.wav", b"x").run())
    assert "none of the known formats" in app.warning[0].value
    assert len([one for one in datasets_dir(workspace).glob(".import*") if one.is_dir()]) == 1


def test_a_folder_is_chosen_by_its_path(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(corpus())) as packed:
        packed.extractall(tmp_path / "corpora")
    app = choose(open_tab(), "Folder on this computer")
    ok(app.text_input(key="import_path").set_value(str(tmp_path / "gone")).run())
    assert "neither a folder nor an archive" in app.error[0].value
    ok(app.text_input(key="import_path").set_value(str(tmp_path / "corpora")).run())
    assert not app.error
    assert "LJSpeech" in app.info[0].value


def test_voxlingua_offers_albanian_and_names_the_download(workspace: Workspace) -> None:
    app = choose(open_tab(), "VoxLingua107")
    ok(app.selectbox(key="import_voxlingua").set_value("sq").run())
    assert field(app, "Spoken language").value == "sq"
    assert "sq\\.zip" in app.info[0].value
    assert not datasets_dir(workspace).exists()


def test_visitors_of_a_public_server_cannot_reach_its_folders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAB_MODE", "public")
    control = open_tab().segmented_control(key="import_source")
    assert not any("Folder" in one or "VoxLingua" in one for one in control.options)


def test_a_language_that_differs_from_the_label_of_the_corpus_is_warned_about() -> None:
    app = open_tab()
    assert not app.warning
    field(app, "Spoken language").set_value("sr").run()
    (warning,) = ok(app).warning
    assert "labelled Albanian" in warning.value
