"""A workspace of version 0.1 opens whole: what it holds is read under today's names.

Runs are in tests/training/test_stored_runs.py. The figures are what version 0.1 itself read.
"""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lab import dataset, recordings
from lab.asr.checkpoints import list_models
from lab.core.workspace import Workspace
from lab.dataset import audio_stats, language_check, predictions
from lab.dataset import export as dataset_export
from lab.evaluation import report_files, summarize
from lab.evaluation import store as evaluations
from lab.export import store as exports
from lab.export.verification import read_verification
from lab.health.report import read_report
from lab.preprocess import preparations
from lab.training import runs
from lab.training.run import HEALTH
from lab.transcripts import to_srt
from tests.support.paths import ROOT


def test_recordings_and_transcripts(stored_workspace: Workspace) -> None:
    prompts = {one.id: one.prompt for one in recordings.list_all(stored_workspace)}
    assert len(prompts) == 4
    assert prompts["lexim-ne-prizren-7254d32848"].startswith("të ndihmonte në respektimin")
    transcripts = {
        saved.id: saved.load() for saved in recordings.list_transcripts(stored_workspace)
    }
    timed = transcripts["20261127-235624-121354-mini"]
    words = [word for segment in timed.segments for word in segment.words]
    assert (len(words), words[-1].text, words[-1].end_s) == (10, " lirive", 3.8)
    assert (timed.language, timed.duration_s) == ("sq", 4.004)
    assert to_srt(timed).startswith("1\n00:00:00,000 --> 00:00:01,900\ntë ndihmonte")


def test_preparations_with_edited_clips_and_their_recipe(stored_workspace: Workspace) -> None:
    silence, talk = sorted(preparations.list_all(stored_workspace), key=lambda one: len(one.clips))
    assert [(clip.start, clip.end, clip.kept) for clip in talk.clips] == [
        (0, 17520, True),
        (20400, 27200, True),
        (30480, 38480, False),
    ]
    assert talk.clips[0].metrics.snr_db == pytest.approx(49.1186, abs=1e-4)
    assert [failure.name for failure in talk.failures] == ["e-prishur.mp3"]
    recipe = talk.recipe
    assert recipe.remove_dc_offset is not None
    assert recipe.trim is not None
    assert recipe.trim.top_db == 45.0
    assert silence.recipe.remove_dc_offset is None
    assert silence.clips[0].metrics.peak_dbfs == float("-inf")


def test_a_dataset_with_its_journal_and_what_is_stored_with_it(
    stored_workspace: Workspace,
) -> None:
    albanian = dataset.find(stored_workspace, "albanian")
    clips = albanian.clips()
    assert len(clips) == 12
    assert (clips[0].transcription, clips[0].status) == ("saktë e dëgjuar nga njeriu", "corrected")
    assert clips[0].extra == (("note", "shënim 0"),)
    assert len(albanian.history()) == 11
    assert set(predictions.list_models(albanian)) == {
        *("albanian-1", "first", "half-lora", "mini", "mini-relu"),
    }
    heard = predictions.load(albanian, "first")["audio/fjali-10-5ffe0b982d.ogg"]
    assert (heard.text, heard.confidence, heard.language) == ("i i i", 0.4157, "sq")
    assert len(audio_stats.load_audio_stats(albanian)) == 11
    check = language_check.load(albanian)
    assert check is not None
    assert check.clips
    assert len(dataset_export.list_exports(stored_workspace, albanian)) == 2


def test_models_exports_evaluations_and_the_regression_check(stored_workspace: Workspace) -> None:
    own = {info.name for info in list_models(stored_workspace.models_dir) if info.installed}
    assert {"albanian-1", "mini", "mini-relu"} <= own

    first = runs.find(stored_workspace, "first")
    ((key, folder),) = exports.list_exports(stored_workspace, first).items()
    assert key == ("openai", "float16")
    verification = read_verification(folder)
    assert (verification.outcome, len(verification.clips)) == ("inconclusive", 3)

    reports = {
        evaluation.id: report_files.read(evaluation.report_dir("albanian"))
        for evaluation in evaluations.list_evaluations(stored_workspace)
    }
    assert reports["20261127-235633-49ccbe"].n_trained_on == 7
    compared = reports["20261127-235633-e88dd1"]
    assert [result.model for result in compared.results] == ["mini", "albanian-1", "half-lora"]
    assert [round(100 * result.scores["basic"].wer, 1) for result in compared.results] == [
        *(100.0, 100.0, 111.1),
    ]
    assert summarize(compared)[0] == "mini: 100.0 errors per 100 words."

    health = read_report(first.folder / HEALTH)
    assert (health.tuned, health.base) == ("first", "mini")
    assert health.checks


@pytest.mark.parametrize("page", sorted((ROOT / "pages").glob("*.py")), ids=lambda path: path.stem)
def test_every_page_opens_on_it(
    page: Path, stored_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(stored_workspace.root))
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.run().switch_page(str(page)).run()
    assert not app.exception
    assert not app.error
