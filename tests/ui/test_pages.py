"""Home and Transcribe without a browser and without a model."""

import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from lab import audio, recordings
from lab import dataset as datasets
from lab.core.workspace import Workspace
from lab.recordings.samples import list_samples
from lab.transcripts import Segment, Transcript, Word
from tests.support.paths import ROOT

TRANSCRIBE = "pages/3_Transcribe.py"
TIMEOUT_S = 60


@pytest.fixture(autouse=True)
def _own_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    # Nothing is transcribed here, so the real model need not be loaded.
    monkeypatch.setattr("lab.ui.server.TranscriptionQueue.prepare", lambda *_: None)


def open_transcribe(query: dict[str, str] | None = None) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=TIMEOUT_S).run()
    app.query_params.update(query or {})
    app.switch_page(TRANSCRIBE).run()
    assert not app.exception
    return app


def save_transcript(
    workspace: Workspace, text: str, name: str = "talk.ogg"
) -> recordings.SavedTranscript:
    recording = recordings.add(workspace, name, list_samples()[0].audio_path.read_bytes())
    words = tuple(Word(f" {word}", 0.2) for word in text.split())
    segment = Segment(0.0, 2.0, f" {text}", words=words)
    transcript = Transcript((segment,), "en", {"en": 0.9, "fr": 0.1}, 2.0, "base")
    return recordings.save_transcript(recording, transcript)


def test_the_home_page_does_not_load_torch(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('streamlit_app.py', default_timeout=60).run()\n"
        "assert not app.exception, app.exception\n"
        "assert app.title[0].value\n"
        "assert 'torch' not in sys.modules, 'torch'\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"LAB_WORKSPACE": str(tmp_path), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_home_lists_the_latest_transcripts(workspace: Workspace) -> None:
    save_transcript(workspace, "Mirëdita")
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=TIMEOUT_S).run()
    assert not app.exception
    assert [metric.value for metric in app.metric[:2]] == ["1", "1"]


def test_an_upload_is_saved_at_once(workspace: Workspace) -> None:
    app = open_transcribe()
    app.file_uploader[0].upload("a.ogg", list_samples()[0].audio_path.read_bytes()).run()
    assert not app.exception
    assert [recording.name for recording in recordings.list_all(workspace)] == ["a.ogg"]
    assert "Transcribe 1 recording" in [button.label for button in app.button]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("notes.wav", b"These are only some words.", "not audio"),
        ("empty.mp3", b"", "empty"),
        ("archive.wav", b"PK\x03\x04" + bytes(400), "archive.wav"),
    ],
)
def test_an_upload_that_is_not_audio_is_rejected_and_not_kept(
    workspace: Workspace, name: str, data: bytes, message: str
) -> None:
    app = open_transcribe()
    app.file_uploader[0].upload(name, data).run()
    assert not app.exception
    (error,) = app.error
    assert message in error.value.replace("\\", "")
    assert recordings.list_all(workspace) == []


def test_two_uploads_with_the_same_name_are_two_recordings(workspace: Workspace) -> None:
    first, second = (sample.audio_path.read_bytes() for sample in list_samples()[:2])
    app = open_transcribe()
    app.file_uploader[0].upload("same.ogg", first).upload("same.ogg", second).run()
    assert not app.exception
    assert len(recordings.list_all(workspace)) == 2


def test_the_url_names_the_transcript_shown(workspace: Workspace) -> None:
    older = save_transcript(workspace, "the older text", "older.ogg")
    save_transcript(workspace, "the newer text", "newer.ogg")
    app = open_transcribe({"transcript": older.id})
    assert "older" in app.get("html")[0].proto.body


def test_markup_in_a_transcript_stays_text(workspace: Workspace) -> None:
    save_transcript(workspace, "<script>alert(1)</script> <img src=x onerror=alert(2)>")
    body = open_transcribe().get("html")[0].proto.body
    assert "<script" not in body
    assert "<img" not in body
    assert "&lt;script&gt;" in body


def test_a_damaged_transcript_shows_an_error(workspace: Workspace) -> None:
    saved = save_transcript(workspace, "fine")
    saved.path.write_text("{", encoding="utf-8")
    app = open_transcribe()
    assert "cannot be read" in app.error[0].value.replace("\\", "")


def test_a_workspace_that_is_a_file_shows_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("LAB_WORKSPACE", str(tmp_path / "file"))
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=TIMEOUT_S).run()
    assert not app.exception
    assert "choose a folder" in app.error[0].value


def test_a_file_that_is_not_a_model_is_rejected(workspace: Workspace) -> None:
    app = open_transcribe()
    app.file_uploader(key="model_files").upload("evil.pt", b"cos\nsystem\n(S'true'\ntR.")
    app.text_input[0].set_value("mine")
    _button(app, "Check and add").click().run()
    assert not app.exception
    assert len(app.error) == 1
    assert list(workspace.models_dir.glob("*")) == []


def test_a_recording_of_the_workspace_can_be_transcribed_again_or_deleted(
    workspace: Workspace,
) -> None:
    saved = save_transcript(workspace, "mine")
    app = open_transcribe()
    box = next(box for box in app.selectbox if box.label == "Recordings in this workspace")
    box.set_value(saved.recording.id).run()
    _button(app, "Add to list").click().run()
    assert "Transcribe 1 recording" in [button.label for button in app.button]
    _button(app, "Delete permanently").click().run()
    assert not app.exception
    assert recordings.list_all(workspace) == []


def _button(app: AppTest, label: str) -> Button:
    return next(button for button in app.button if button.label == label)


def test_a_microphone_recording_is_saved_at_once(workspace: Workspace) -> None:
    app = open_transcribe()
    wav = audio.encode_wav(audio.decode(list_samples()[0].audio_path))
    app.audio_input[0].upload("audio.wav", wav).run().run()
    assert not app.exception
    (recording,) = recordings.list_all(workspace)
    assert recording.name.startswith("Microphone")


def test_a_transcript_is_added_to_a_dataset_as_clips_with_texts(workspace: Workspace) -> None:
    save_transcript(workspace, "Mirë dita")
    datasets.add(workspace, "shqip", [], language="sq")
    app = open_transcribe()
    app.selectbox(key="dataset_name").set_value("shqip").run()
    _button(app, "Add 1 clip").click().run()
    assert not app.exception
    (made,) = datasets.list_all(workspace)
    (entry,) = made.clips()
    assert (entry.transcription, entry.language, entry.status) == ("Mirë dita", "en", "new")
    assert audio.decode(made.audio_path(entry)).duration_s == entry.duration_s == 2.0
