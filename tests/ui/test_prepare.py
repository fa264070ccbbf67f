"""The Prepare page without a browser."""

import io
import time
import zipfile
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from lab import recordings
from lab.core.workspace import Workspace
from lab.preprocess import WHISPER, AudioFile, Recipe, apply, preparations
from lab.preprocess.preparation_export import prompts_of_clips
from lab.preprocess.recipe import Resample, Split
from lab.recordings.samples import list_samples
from tests.support.paths import ROOT

SPEECH = list_samples()[0].audio_path.read_bytes()


@pytest.fixture(autouse=True)
def _own_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))


def open_prepare() -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    app.switch_page("pages/1_Prepare.py").run()
    assert not app.exception
    return app


def upload(app: AppTest, name: str, data: bytes) -> AppTest:
    app.file_uploader[0].upload(name, data).run()
    assert not app.exception
    return app


def figures(app: AppTest) -> dict[str, tuple[str, str]]:
    (table,) = [frame.value for frame in app.dataframe if "Before" in frame.value]
    return {row[""]: (row["Before"], row["After"]) for _, row in table.iterrows()}


def button(app: AppTest, label: str) -> object:
    return next(button for button in app.button if button.label == label)


def test_a_change_of_the_recipe_shows_in_the_table() -> None:
    app = upload(open_prepare(), "talk.ogg", SPEECH)
    assert figures(app)["Sample rate"][1] == "22,050 Hz"
    button(app, "Whisper").click().run()
    assert figures(app)["Sample rate"][1] == "16,000 Hz"
    app.toggle(key="recipe_level").set_value(True).run()
    app.number_input(key="recipe_level_target_db").set_value(-30.0).run()
    assert not app.exception
    assert figures(app)["Loudness"][1] == "-30.0 LUFS"


def test_contradictory_settings_show_an_error_and_disable_the_button() -> None:
    app = upload(open_prepare(), "talk.ogg", SPEECH)
    app.number_input(key="recipe_split_max_s").set_value(1.0).run()
    assert not app.exception
    assert any("twice" in error.value for error in app.error)
    assert button(app, "Prepare 1 recording").disabled


def test_a_saved_recipe_is_loaded() -> None:
    app = upload(open_prepare(), "talk.ogg", SPEECH)
    recipe = WHISPER.to_yaml().replace("16000", "24000")
    app.file_uploader(key="upload_recipe.yaml").upload("recipe.yaml", recipe.encode()).run()
    assert not app.exception
    assert figures(app)["Sample rate"][1] == "24,000 Hz"
    app.file_uploader(key="upload_recipe.yaml").upload("recipe.yaml", b"resample: {rate: 3}").run()
    assert any("unknown" in error.value for error in app.error)
    large = b"#" * (1 << 20) + recipe.encode()
    app.file_uploader(key="upload_recipe.yaml").upload("recipe.yaml", large).run()
    assert any("larger than 1 MB" in error.value for error in app.error)


def test_a_zip_is_unpacked_and_the_files_skipped_are_listed(workspace: Workspace) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("folder/a.ogg", SPEECH)
        archive.writestr("../b.ogg", SPEECH)
        archive.writestr("c.wav", b"no sound at all")
    app = upload(open_prepare(), "all.zip", buffer.getvalue())
    assert [recording.name for recording in recordings.list_all(workspace)] == ["a.ogg"]
    messages = " ".join(error.value for error in app.error).replace("\\", "")
    assert "points outside" in messages
    assert "c.wav" in messages


def test_from_recordings_to_clips(workspace: Workspace) -> None:
    app = upload(open_prepare(), "talk.ogg", SPEECH)
    upload(app, "letter.wav", b"Dear Sir")  # rejected; the recording stays on the list
    button(app, "Prepare 1 recording").click().run()
    deadline = time.monotonic() + 60
    while not preparations.list_all(workspace) and time.monotonic() < deadline:
        time.sleep(0.1)
    (preparation,) = preparations.list_all(workspace)
    assert preparation.recipe.split == Split()
    app.segmented_control(key="prepare_view").set_value("Clips").run()
    assert not app.exception
    (table,) = [frame.value for frame in app.dataframe if "Keep" in frame.value]
    assert len(table) == len(preparation.clips)
    assert table["Needs review"].eq("").all()
    # The only check that fails is the number of clips.
    lines = [markdown.value for markdown in app.markdown if ":material/c" in markdown.value]
    (missing,) = [line for line in lines if ":red[" in line]
    assert "100 are needed" in missing
    button(app, "Save as recordings").click().run()
    assert not app.exception
    assert len(recordings.list_all(workspace)) == 1 + len(preparation.clips)


def test_failed_checks_are_fixed_with_a_click(workspace: Workspace) -> None:
    recording = recordings.add(workspace, "talk.ogg", SPEECH)
    recipe = Recipe(resample=Resample(16_000), split=Split(max_s=8, min_s=0.5))
    preparation = preparations.add(
        preparations.create(workspace, recipe),
        apply(recipe, AudioFile(recording.audio_path)),
        recording_id=recording.id,
        name=recording.name,
    )
    whole = preparation.recordings[0]
    short = preparations.measure_clip(preparation, 0, 0, whole.sample_rate // 2)
    preparations.save(replace(preparation, clips=(short, *preparation.clips[1:])))

    app = open_prepare()
    app.segmented_control(key="prepare_view").set_value("Clips").run()
    app.selectbox(key="checklist_target").set_value("Source lab (22,050 Hz)").run()
    app.selectbox(key="recipe_resample_sample_rate").set_value(16_000).run()
    button(app, "Resample").click().run()
    assert not app.exception
    assert app.selectbox(key="recipe_resample_sample_rate").value == 22_050
    app.button(key="fix_2_Drop clips").click().run()
    assert not app.exception
    (now,) = preparations.list_all(workspace)
    assert [clip for clip in now.clips if not clip.kept] == [replace(short, kept=False)]


def test_the_sentence_read_aloud_becomes_the_text_of_the_clip(workspace: Workspace) -> None:
    prompt = "Your call is important / to us."
    recording = recordings.add(workspace, "read.ogg", SPEECH, prompt=prompt)
    for recipe in (WHISPER, replace(WHISPER, split=Split())):
        prepared = apply(recipe, AudioFile(recording.audio_path, recording.name))
        preparation = preparations.add(
            preparations.create(workspace, recipe),
            prepared,
            recording_id=recording.id,
            name=recording.name,
        )
        texts = prompts_of_clips(workspace, preparation)
        named = [name for name, _ in preparation.named_clips()]
        assert texts == ({named[0]: prompt} if len(named) == 1 else {})
    assert len(named) > 1
    recordings.delete(workspace, recording.id)
    assert prompts_of_clips(workspace, preparation) == {}
