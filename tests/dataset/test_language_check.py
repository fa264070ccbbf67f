"""Language check: finds a corpus of another language, and spares one that Whisper barely knows."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lab import dataset
from lab.asr.engine import Engine
from lab.asr.options import LanguageDetection
from lab.audio import SAMPLE_RATE, Waveform, encode_wav
from lab.core.errors import OptionsError
from lab.core.progress import Cancelled
from lab.core.workspace import Workspace
from lab.dataset import Dataset, DatasetClip, language_check
from lab.dataset.language_check import ClipLanguage, LanguageCheck, LanguageVerdict
from lab.recordings.samples import FOLDER
from tests.support.speech import Utterance


def detected(
    language: str, probability: float, expected_probability: float = 0.001
) -> ClipLanguage:
    return ClipLanguage("a", language, probability, "sq", expected_probability, probability)


def verdict_on(*clips: ClipLanguage) -> LanguageVerdict:
    (verdict,) = language_check.verdicts(clips)
    return verdict


def test_serbian_labelled_as_albanian_is_found_though_detected_as_its_relatives() -> None:
    verdict = verdict_on(
        *[detected("sr", 0.5)] * 14,
        *[detected("hr", 0.6)] * 12,
        *[detected("bs", 0.6)] * 12,
        *[detected("pl", 0.4)] * 12,
    )
    assert (verdict.state, verdict.other, verdict.n_match, verdict.n_other) == (
        "mismatch",
        "sr",
        0,
        38,
    )
    assert verdict.sentence.startswith("38 of 50 clips sound like Serbian (sr)")
    assert "not Albanian (sq)" in verdict.sentence


def test_a_language_that_whisper_hardly_knows_is_uncertain() -> None:
    # As Whisper base hears Albanian: many languages, none with confidence.
    many = [detected(code, 0.4, 0.02) for code in ("hu", "la", "en", "de", "th", "fr", "it", "el")]
    assert verdict_on(*many * 4).state == "uncertain"
    # Most sound like one language, but with much probability for the expected one.
    assert verdict_on(*[detected("el", 0.6, 0.2)] * 20).state == "uncertain"
    # Or with little confidence.
    assert verdict_on(*[detected("el", 0.3, 0.001)] * 20).state == "uncertain"


def test_a_few_clips_prove_nothing() -> None:
    assert verdict_on(*[detected("en", 0.99, 0.0)] * 4).state == "uncertain"
    assert verdict_on(*[detected("en", 0.99, 0.0)] * 5).state == "mismatch"


def test_outliers_of_a_correctly_labelled_dataset_are_listed() -> None:
    outlier = detected("en", 0.95, 0.001)
    verdict = verdict_on(*[detected("sq", 0.6, 0.6)] * 8, outlier, detected("it", 0.5, 0.3))
    assert (verdict.state, verdict.n_match, verdict.outliers) == ("match", 8, (outlier,))


def test_each_expected_language_is_judged_separately() -> None:
    english = [replace(detected("en", 0.9, 0.9), expected="en")] * 3
    verdicts = language_check.verdicts([*english, *[detected("en", 0.9, 0.0)] * 6])
    assert [(one.expected, one.state) for one in verdicts] == [("sq", "mismatch"), ("en", "match")]
    assert language_check.verdicts([]) == []


def clips_of(speakers: Sequence[str]) -> list[DatasetClip]:
    return [
        DatasetClip(f"audio/{number}.wav", "", "", speaker, "sq", duration_s=3.0)
        for number, speaker in enumerate(speakers)
    ]


def test_a_sample_is_spread_over_speakers_and_reproducible() -> None:
    clips = clips_of(["loud"] * 500 + ["a", "b", "c", "d"])
    chosen = language_check.sample(clips, 10)
    assert chosen == language_check.sample(clips, 10)
    assert chosen != language_check.sample(clips, 10, seed=1)
    assert {one.speaker for one in chosen} == {"loud", "a", "b", "c", "d"}
    assert len({one.file_name for one in chosen}) == 10


def test_a_sample_skips_excluded_clips_and_unknown_languages() -> None:
    good, short, out, unknown = clips_of("abcd")
    others = [
        replace(short, duration_s=0.5),
        replace(out, status="excluded"),
        replace(unknown, language="als"),
    ]
    assert language_check.sample([*others, good], 1) == [good]
    assert len(language_check.sample([*others, good], None)) == 2


class _SerbianDetector:
    """An engine that detects Serbian in all clips. sizes: of the batches it was given"""

    name, is_multilingual = "base", True

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def detect_languages(self, clips: Sequence[Waveform]) -> list[LanguageDetection]:
        self.sizes.append(len(clips))
        return [LanguageDetection("sr", {"sr": 0.7, "hr": 0.2, "sq": 0.1})] * len(clips)


@pytest.fixture
def made(workspace: Workspace) -> Dataset:
    sound = encode_wav(Waveform(np.zeros(1_600, np.float32), SAMPLE_RATE))
    clips = [(f"{number}.wav", sound) for number in range(150)]
    made, _ = dataset.add(workspace, "a", [*clips, ("broken.wav", b"RIFF")], language="sq")
    return made


def test_clips_are_decoded_in_batches_and_undecodable_ones_skipped(made: Dataset) -> None:
    engine = _SerbianDetector()
    found = list(language_check.detect_languages(engine, made, made.clips()))  # type: ignore[arg-type]
    assert len(found) == 150
    assert max(engine.sizes) <= 64
    assert found[0].expected_probability == 0.1
    assert found[0].family_probability == pytest.approx(0.9)
    engine.is_multilingual = False
    with pytest.raises(OptionsError, match="English only"):
        list(language_check.detect_languages(engine, made, made.clips()))  # type: ignore[arg-type]


def test_results_before_a_cancellation_are_kept(made: Dataset) -> None:
    def stop(done: float, *_: object) -> None:
        if done:
            raise Cancelled

    found: list[ClipLanguage] = []
    clips = language_check.detect_languages(
        _SerbianDetector(), made, made.clips(), on_progress=stop
    )  # type: ignore[arg-type]
    with pytest.raises(Cancelled):
        found.extend(iter(clips))
    assert len(found) == 64


def test_a_check_is_saved_and_outdated_by_changes_of_the_table(
    made: Dataset,
) -> None:
    first, second, *_ = made.clips()
    check = LanguageCheck(
        "base",
        tuple(replace(detected("sr", 0.7), file_name=one.file_name) for one in (first, second)),
    )
    language_check.save(made, check)
    assert language_check.load(made) == check
    made.change([(first, replace(first, language="sr"))], what="corrected")
    assert language_check.up_to_date(check, made.clips()) == check.clips[1:]
    (made.folder / language_check.LANGUAGES_NAME).write_text(
        json.dumps({"clips": [{"file_name": 1}]})
    )
    assert language_check.load(made) is None


@pytest.mark.real
@pytest.mark.parametrize(
    ("label", "state"), [("en", "match"), ("sq", "mismatch"), ("ro", "mismatch")]
)
def test_real_english_matches_english_only(
    label: str,
    state: str,
    fast_engine: Engine,
    english_prompts: list[Utterance],
    workspace: Workspace,
) -> None:
    chosen = english_prompts[::9]
    clips = [(Path(one.audio_path).stem + ".wav", encode_wav(one.load())) for one in chosen]
    made, _ = dataset.add(workspace, "a", clips, language=label)
    (verdict,) = language_check.verdicts(
        language_check.detect_languages(fast_engine, made, made.clips())
    )
    assert verdict.state == state
    assert "English (en)" in verdict.sentence


@pytest.mark.real
def test_albanian_which_base_hardly_knows_is_uncertain(
    fast_engine: Engine,
) -> None:
    sample = Dataset("albanian", FOLDER / "datasets" / "albanian-synthetic")
    clips = [
        DatasetClip(f"audio/{path.name}", language="sq")
        for path in sorted((sample.folder / "audio").iterdir())[::12]
    ]
    (verdict,) = language_check.verdicts(
        language_check.detect_languages(fast_engine, sample, clips)
    )
    assert verdict.state == "uncertain"
