"""The guard of the language: a corpus of another one is caught, a badly known one is not blamed."""

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
from lab.dataset import Dataset, Entry, guard
from lab.dataset.guard import Heard, Listened, Verdict
from lab.recordings.samples import FOLDER
from tests.support.speech import Utterance


def heard(language: str, probability: float, expected_probability: float = 0.001) -> Heard:
    return Heard("a", language, probability, "sq", expected_probability, probability)


def judged(*clips: Heard) -> Verdict:
    (verdict,) = guard.verdicts(clips)
    return verdict


def test_serbian_under_albanians_code_is_caught_though_it_is_taken_for_its_relatives() -> None:
    verdict = judged(
        *[heard("sr", 0.5)] * 14,
        *[heard("hr", 0.6)] * 12,
        *[heard("bs", 0.6)] * 12,
        *[heard("pl", 0.4)] * 12,
    )
    assert (verdict.state, verdict.other, verdict.n_alike, verdict.n_other) == (
        "other",
        "sr",
        0,
        38,
    )
    assert verdict.sentence.startswith("38 of 50 clips sound like Serbian (sr)")
    assert "not Albanian (sq)" in verdict.sentence


def test_a_language_that_whisper_hardly_knows_is_not_blamed() -> None:
    # As Whisper base hears Albanian: many languages, none of them surely.
    many = [heard(code, 0.4, 0.02) for code in ("hu", "la", "en", "de", "th", "fr", "it", "el")]
    assert judged(*many * 4).state == "unsure"
    # One that most are taken for, but with a good part of the probability left for the right one.
    assert judged(*[heard("el", 0.6, 0.2)] * 20).state == "unsure"
    # Or of which it is not sure at all.
    assert judged(*[heard("el", 0.3, 0.001)] * 20).state == "unsure"


def test_a_few_clips_are_no_proof() -> None:
    assert judged(*[heard("en", 0.99, 0.0)] * 4).state == "unsure"
    assert judged(*[heard("en", 0.99, 0.0)] * 5).state == "other"


def test_single_clips_stand_out_of_a_set_that_is_right() -> None:
    odd = heard("en", 0.95, 0.001)
    verdict = judged(*[heard("sq", 0.6, 0.6)] * 8, odd, heard("it", 0.5, 0.3))
    assert (verdict.state, verdict.n_alike, verdict.odd) == ("alike", 8, (odd,))


def test_each_language_of_a_dataset_is_judged_by_itself() -> None:
    english = [replace(heard("en", 0.9, 0.9), expected="en")] * 3
    verdicts = guard.verdicts([*english, *[heard("en", 0.9, 0.0)] * 6])
    assert [(one.expected, one.state) for one in verdicts] == [("sq", "other"), ("en", "alike")]
    assert guard.verdicts([]) == []


def entries_of(speakers: Sequence[str]) -> list[Entry]:
    return [
        Entry(f"audio/{number}.wav", "", "", speaker, "sq", duration_s=3.0)
        for number, speaker in enumerate(speakers)
    ]


def test_a_sample_is_spread_over_speakers_and_the_same_each_time() -> None:
    entries = entries_of(["loud"] * 500 + ["a", "b", "c", "d"])
    chosen = guard.sample(entries, 10)
    assert chosen == guard.sample(entries, 10)
    assert chosen != guard.sample(entries, 10, seed=1)
    assert {one.speaker for one in chosen} == {"loud", "a", "b", "c", "d"}
    assert len({one.file_name for one in chosen}) == 10


def test_a_sample_leaves_out_what_nothing_can_be_said_of() -> None:
    good, short, out, unknown = entries_of("abcd")
    others = [
        replace(short, duration_s=0.5),
        replace(out, status="excluded"),
        replace(unknown, language="als"),
    ]
    assert guard.sample([*others, good], 1) == [good]
    assert len(guard.sample([*others, good], None)) == 2


class _Ear:
    """Says that everything is Serbian, and remembers how much it was given at once."""

    name, is_multilingual = "ear", True

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


def test_listening_takes_clips_by_parts_and_passes_over_what_cannot_be_read(made: Dataset) -> None:
    ear = _Ear()
    found = list(guard.listen(ear, made, made.entries()))  # type: ignore[arg-type]
    assert len(found) == 150
    assert max(ear.sizes) <= 64
    assert found[0].expected_probability == 0.1
    assert found[0].family_probability == pytest.approx(0.9)
    ear.is_multilingual = False
    with pytest.raises(OptionsError, match="English only"):
        list(guard.listen(ear, made, made.entries()))  # type: ignore[arg-type]


def test_what_was_heard_before_a_stop_is_there(made: Dataset) -> None:
    def stop(done: float, *_: object) -> None:
        if done:
            raise Cancelled

    found: list[Heard] = []
    clips = guard.listen(_Ear(), made, made.entries(), on_progress=stop)  # type: ignore[arg-type]
    with pytest.raises(Cancelled):
        found.extend(iter(clips))
    assert len(found) == 64


def test_what_was_heard_is_kept_and_forgotten_where_the_table_says_otherwise(
    made: Dataset,
) -> None:
    first, second, *_ = made.entries()
    listened = Listened(
        "base",
        tuple(replace(heard("sr", 0.7), file_name=one.file_name) for one in (first, second)),
    )
    guard.save(made, listened)
    assert guard.load(made) == listened
    made.change([(first, replace(first, language="sr"))], what="corrected")
    assert guard.of_now(listened, made.entries()) == listened.heard[1:]
    (made.folder / guard.HEARD_NAME).write_text(json.dumps({"heard": [{"file_name": 1}]}))
    assert guard.load(made) is None


@pytest.mark.real
@pytest.mark.parametrize(("label", "state"), [("en", "alike"), ("sq", "other"), ("ro", "other")])
def test_real_english_is_english_and_nothing_else(
    label: str,
    state: str,
    fast_engine: Engine,
    english_prompts: list[Utterance],
    workspace: Workspace,
) -> None:
    chosen = english_prompts[::9]
    clips = [(Path(one.audio_path).stem + ".wav", encode_wav(one.load())) for one in chosen]
    made, _ = dataset.add(workspace, "a", clips, language=label)
    (verdict,) = guard.verdicts(guard.listen(fast_engine, made, made.entries()))
    assert verdict.state == state
    assert "English (en)" in verdict.sentence


@pytest.mark.real
def test_albanian_which_base_hardly_knows_is_not_called_another_language(
    fast_engine: Engine,
) -> None:
    sample = Dataset("albanian", FOLDER / "datasets" / "albanian-synthetic")
    entries = [
        Entry(f"audio/{path.name}", language="sq")
        for path in sorted((sample.folder / "audio").iterdir())[::12]
    ]
    (verdict,) = guard.verdicts(guard.listen(fast_engine, sample, entries))
    assert verdict.state == "unsure"
