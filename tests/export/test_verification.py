"""Verification of exports, with fake and real libraries."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.asr import checkpoints
from lab.audio import Waveform
from lab.core.progress import Cancelled
from lab.core.workspace import size_bytes, write_json
from lab.dataset import Dataset
from lab.evaluation import reference_clips
from lab.evaluation.reference_clips import ReferenceClip
from lab.export import FORMATS, export, export_and_verify, verification, verify
from lab.export.verification import FILE_NAME, VerifiedClip, read_verification
from lab.recordings.samples import list_sample_datasets
from tests.support.whispers import talking_model

CLIPS = [
    ReferenceClip(Waveform(np.zeros(16_000, np.float32), 16_000), text, "sq")
    for text in ("Një dy tre.", "Katër, pesë!", "Gjashtë")
]
LAB_TEXTS = ["një dy tre", "Katër pesë.", "gjashtë"]


def respond(monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
    responses: list[dict[str, Any]] = [{"version": "1.2"}, *({"text": text} for text in texts)]
    monkeypatch.setattr(verification, "_run_library", lambda *_: iter(responses))


def test_the_same_words_are_verified(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    respond(monkeypatch, " Një, dy, tre", "katër pesë", "Gjashtë.")
    found = verify(tmp_path, CLIPS, LAB_TEXTS, file_format="ctranslate2")
    assert (found.outcome, found.lab_wer, found.library_wer) == ("verified", 0.0, 0.0)
    assert found.sentence == (
        "Verified: faster-whisper 1.2 loads the model and its transcripts agree with the lab's. "
        "WER 0.0 % (lab: 0.0 %) on 3 clips; all words are the same."
    )


def test_other_words_differ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    respond(monkeypatch, "", "", "gjashtë")
    found = verify(tmp_path, CLIPS, LAB_TEXTS, file_format="openai")
    assert (found.outcome, found.n_differing) == ("differs", 2)
    assert found.library_wer == pytest.approx(5 / 6)
    assert "its transcripts differ from the lab's" in found.sentence
    assert [clip.library for clip in found.clips] == ["", "", "gjashtë"]


@pytest.mark.parametrize(
    ("n_clips", "lab_text", "library_text", "outcome"),
    [
        (1, "një dy tre", "një katër pesë", "differs"),  # although they are few
        (20, "një dy tre", "dy tre katër", "differs"),
        (20, "një di dre", "dhe di dre", "inconclusive"),  # most are wrong anyway
        (20, "ne di dre", "", "inconclusive"),
        (20, "ne di dre", "ne di tra", "verified"),
        (20, "një dy dre", "ne dy tre", "differs"),  # as many errors, but others
    ],
)
def test_words_are_compared_and_not_only_the_number_of_errors(
    n_clips: int,
    lab_text: str,
    library_text: str,
    outcome: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    respond(monkeypatch, *[library_text] * n_clips)
    found = verify(tmp_path, CLIPS[:1] * n_clips, [lab_text] * n_clips, file_format="openai")
    assert found.outcome == outcome, found.sentence


def test_one_word_in_a_hundred_may_differ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    respond(monkeypatch, "një dy dre", *["një dy tre"] * 19)
    lab_texts = ["një dy tre"] * 20
    assert verify(tmp_path, CLIPS[:1] * 20, lab_texts, file_format="openai").outcome == "verified"


def test_a_missing_library_is_inconclusive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    absent = replace(FORMATS["huggingface"], library="no-such-library-at-all")
    monkeypatch.setattr(verification, "FORMATS", {**FORMATS, "huggingface": absent})
    found = verify(tmp_path, CLIPS, LAB_TEXTS, file_format="huggingface")
    assert found.outcome == "inconclusive"
    assert "pip install no-such-library-at-all" in found.sentence


def test_a_damaged_export_is_inconclusive(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"PK\3\4 not much of a model")
    found = verify(tmp_path, CLIPS, LAB_TEXTS, file_format="openai")
    assert found.outcome == "inconclusive"
    assert "could not use the model" in found.sentence


def test_without_clips_the_export_is_inconclusive(tmp_path: Path) -> None:
    target = tmp_path / "mine"
    found = export_and_verify(lambda _: talking_model(), target, [], file_format="openai")
    assert found.outcome == "inconclusive"
    assert read_verification(target) == found


def test_the_library_itself_verifies_and_the_result_is_saved(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(scale=0.1, size=16_000).astype(np.float32)
    clip = ReferenceClip(Waveform(samples, 16_000), "fjala", "sq")
    calls: list[tuple[float, float, str]] = []
    found = export_and_verify(
        lambda _: talking_model(),
        tmp_path / "mine",
        [clip],
        file_format="openai",
        on_progress=lambda done, total, note="": calls.append((done, total, note)),
    )
    assert found.library.startswith("openai-whisper 20")
    assert len(found.clips) == 1
    assert read_verification(tmp_path / "mine") == found
    assert (tmp_path / "mine" / FILE_NAME).is_file()
    fractions = [done / total for done, total, _ in calls]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_a_verification_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    row = {"text": "Një dy tre.", "here": "një dy tre", "there": "një dy dre"}
    write_json(
        tmp_path / FILE_NAME,
        {
            "file_format": "openai",
            "library": "openai-whisper 20250625",
            "outcome": "not proven",
            "sentence": "Not proven.",
            "wer_here": 0.0,
            "wer_there": 0.25,
            "n_differing": 1,
            "rows": [row],
        },
    )
    found = read_verification(tmp_path)
    assert (found.outcome, found.lab_wer, found.library_wer) == ("inconclusive", 0.0, 0.25)
    assert found.clips == (VerifiedClip("Një dy tre.", "një dy tre", "një dy dre"),)


def test_stopping_ends_the_library_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    popen = verification.subprocess.Popen

    def remembered(*arguments: Any, **options: Any) -> Any:
        started.append(popen(*arguments, **options))
        return started[0]

    monkeypatch.setattr(verification.subprocess, "Popen", remembered)
    export(talking_model(), tmp_path / "mine", file_format="openai")

    def stop(done: float, _total: float, _note: str = "") -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        verify(tmp_path / "mine", CLIPS, LAB_TEXTS, file_format="openai", on_progress=stop)
    assert started[0].returncode is not None


@pytest.mark.real
@pytest.mark.parametrize(
    ("file_format", "precision"),
    [("openai", "float16"), ("huggingface", "float32"), ("ctranslate2", "int8")],
)
def test_base_is_verified_by_every_library(
    file_format: str, precision: str, tmp_path: Path
) -> None:
    if file_format == "huggingface":
        pytest.importorskip("transformers")
    (sample,) = [one for one in list_sample_datasets() if one.language == "en"]
    clips = reference_clips.from_dataset(Dataset(sample.folder.name, sample.folder), 4)
    found = export_and_verify(
        lambda on_progress: checkpoints.load("base", on_progress=on_progress),
        tmp_path / "base",
        clips,
        file_format=file_format,
        precision=precision,
    )
    assert found.outcome == "verified", found
    assert found.library_wer is not None
    assert found.library_wer < 0.1
    shutil.rmtree(tmp_path / "base")  # 300 MB


def test_size_of_an_export(tmp_path: Path) -> None:
    export(talking_model(), tmp_path / "mine", file_format="openai", precision="float16")
    size = (tmp_path / "mine" / "model.pt").stat().st_size
    assert size_bytes(tmp_path / "mine") == size
