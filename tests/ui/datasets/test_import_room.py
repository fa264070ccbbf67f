"""The room Import, run without a browser."""

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
from lab.jobs.dataset_checks import GuardQueue
from lab.recordings.samples import list_sample_datasets

PAGE = """
from lab.ui.datasets.importing import show_import
from lab.core.workspace import Workspace
show_import(Workspace.default())
"""


@pytest.fixture(autouse=True)
def _own_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    # Nobody listens here; which language it is, is tested with real speech in `test_guard.py`.
    monkeypatch.setattr(GuardQueue, "submit", lambda *_: 1)


def open_room() -> AppTest:
    return done(AppTest.from_string(PAGE, default_timeout=60).run())


def done(app: AppTest) -> AppTest:
    assert not app.exception
    return app


def choose(app: AppTest, way: str) -> AppTest:
    return done(app.segmented_control(key="import_way").set_value(way).run())


def button(app: AppTest, label: str) -> Button:
    return next(one for one in app.button if one.label == label)


def field(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(one for one in (*app.selectbox, *app.text_input) if one.label == label)


def wait_for_dataset(app: AppTest, workspace: Workspace, name: str) -> Dataset:
    deadline = time.monotonic() + 60
    while name not in {one.name for one in dataset.list_all(workspace)}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    while not any("came in" in one.value for one in done(app.run()).markdown):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return dataset.find(workspace, name)


def corpus() -> bytes:
    """LJSpeech in a zip, with a line too many."""
    sound = audio.encode_wav(Waveform(np.zeros(16_000, np.float32), 16_000))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("LJ/metadata.csv", "a|Mir\u00eb|Mir\u00eb\n=gone|Jo|Jo\n")
        packed.writestr("LJ/wavs/a.wav", sound)
    return buffer.getvalue()


def test_a_sample_comes_in_with_two_clicks_and_is_opened(workspace: Workspace) -> None:
    app = open_room()
    (sample, *_) = list_sample_datasets()
    assert any("Hugging Face" in one.value for one in app.info)
    done(button(app, "Import").click().run())
    made = wait_for_dataset(app, workspace, sample.folder.name)
    assert {entry.language for entry in made.entries()} == {sample.language}
    done(button(app, "Open").click().run())
    assert app.query_params["dataset"] == made.name


def test_an_archive_is_looked_at_confirmed_and_imported(workspace: Workspace) -> None:
    app = choose(open_room(), "Files or archive")
    done(app.file_uploader[0].upload("LJ Speech.zip", corpus()).run())
    assert "LJSpeech" in app.info[0].value
    assert field(app, "Read it as").value.name == "ljspeech"
    assert field(app, "Name of the dataset").value == "lj-speech"
    assert button(app, "Import").disabled  # nobody knows the language yet
    done(field(app, "Spoken language").set_value("sq").run())
    done(button(app, "Import").click().run())
    made = wait_for_dataset(app, workspace, "lj-speech")
    assert [(one.transcription, one.language) for one in made.entries()] == [("Mir\u00eb", "sq")]
    table = app.dataframe[0].value
    assert list(table["What"]) == ["wavs/=gone"]
    assert not app.file_uploader[0].value
    assert not list(datasets_dir(workspace).glob(".import*"))
    # Once more: the two results stand side by side.
    done(app.file_uploader[0].upload("LJ Speech.zip", corpus()).run())
    assert "there already" in " ".join(one.value for one in app.caption)
    done(field(app, "Spoken language").set_value("sq").run())
    done(button(app, "Import").click().run())
    deadline = time.monotonic() + 60
    while not any("1 were there before" in one.value for one in done(app.run()).markdown):
        assert time.monotonic() < deadline
    assert len([one for one in app.button if one.label == "Open"]) == 2


def test_other_files_take_the_place_of_what_was_uploaded_before(workspace: Workspace) -> None:
    app = choose(open_room(), "Files or archive")
    done(app.file_uploader[0].upload("a.zip", corpus()).run())
    done(app.file_uploader[0].upload("b.wav", b"x").run())
    assert "looks like no corpus" in app.warning[0].value
    assert len([one for one in datasets_dir(workspace).glob(".import*") if one.is_dir()]) == 1


def test_a_folder_is_chosen_by_its_path(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(corpus())) as packed:
        packed.extractall(tmp_path / "corpora")
    app = choose(open_room(), "Folder on this machine")
    done(app.text_input(key="import_path").set_value(str(tmp_path / "gone")).run())
    assert "no folder and no archive" in app.error[0].value
    done(app.text_input(key="import_path").set_value(str(tmp_path / "corpora")).run())
    assert not app.error
    assert "LJSpeech" in app.info[0].value


def test_voxlingua_offers_albanian_and_says_where_it_comes_from(workspace: Workspace) -> None:
    app = choose(open_room(), "VoxLingua107")
    done(app.selectbox(key="import_voxlingua").set_value("sq").run())
    assert field(app, "Spoken language").value == "sq"
    assert "sq\\.zip" in app.info[0].value
    assert not datasets_dir(workspace).exists()


def test_visitors_of_a_public_server_cannot_reach_its_folders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAB_MODE", "public")
    control = open_room().segmented_control(key="import_way")
    assert not any("Folder" in one or "VoxLingua" in one for one in control.options)


def test_a_corpus_that_says_another_language_is_not_overruled_in_silence() -> None:
    app = open_room()
    assert not app.warning
    field(app, "Spoken language").set_value("sr").run()
    (warning,) = done(app).warning
    assert "The corpus itself says Albanian" in warning.value
