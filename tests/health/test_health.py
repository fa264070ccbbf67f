from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from whisper.utils import compression_ratio

from lab import health
from lab.asr import checkpoints
from lab.asr.engine import Engine
from lab.audio import Waveform
from lab.core.errors import WorkspaceError
from lab.core.progress import Progress
from lab.dataset import Dataset
from lab.evaluation import reference_clips
from lab.evaluation.reference_clips import Spoken
from lab.health import Check, HealthReport, Heard, Material, judge, material
from lab.health.listening import repetitions, times_in_disorder
from lab.health.report import report
from lab.recordings.samples import list_sample_datasets
from lab.transcripts import Segment, Transcript

SENTENCES = [
    "një mace e zezë fle mbi stol",
    "nesër do të bjerë shi në mal",
    "fëmijët luajnë me top në oborr",
    "treni niset herët nga qyteti ynë",
    "gjyshja gatuan bukë për të gjithë",
]
ENGLISH = "the person you are calling is not at their desk and will call you back very soon"


def clip(text: str, language: str = "sq") -> Spoken:
    return Spoken(Waveform(np.zeros(160_000, np.float32), 16_000), text, language)


def transcript(texts: list[str], *, segment_s: float = 4.0) -> Transcript:
    segments = tuple(
        Segment(place * segment_s, (place + 1) * segment_s, f" {text}")
        for place, text in enumerate(texts)
    )
    return Transcript(segments, "sq", {}, max(len(texts) * segment_s, 50.0))


@pytest.fixture
def heard() -> Material:
    clips = [clip(text) for text in SENTENCES]
    long = clip(" ".join(SENTENCES))
    quiet = [clip(""), clip("")]
    return Material(clips, "sq", long, clips, quiet, quiet, [clip(ENGLISH, "en")])


@pytest.fixture
def whole() -> Heard:
    """A model that gets everything right."""
    long = transcript(SENTENCES)
    return Heard("tuned", tuple(SENTENCES), long, ("", ""), ("", "you"), {"en": ENGLISH})


@pytest.fixture
def base(whole: Heard) -> Heard:
    """A model that knows English but no Albanian."""
    nonsense = ["si e ke", "po po po", "nuk e di çfarë është", "treni", "bukë"]
    return replace(whole, model="base", clips=tuple(nonsense), long=transcript(nonsense))


def red(heard: Material, tuned: Heard, base: Heard) -> list[str]:
    return [check.key for check in judge(heard, tuned, base) if check.state == "red"]


def test_a_whole_model_is_green_beside_a_worse_base(
    heard: Material, whole: Heard, base: Heard
) -> None:
    assert {check.state for check in judge(heard, whole, base)} == {"green"}


def test_whatever_base_does_itself_is_not_the_training_s_doing(
    heard: Material, base: Heard
) -> None:
    loops = replace(base, silence=("you " * 90, "you " * 90), clips=("po " * 50,) * 5)
    assert red(heard, loops, loops) == []


def test_a_model_that_only_knows_short_clips_is_red_on_long_recordings(
    heard: Material, whole: Heard, base: Heard
) -> None:
    stops = replace(whole, long=transcript(SENTENCES[:3]))
    (check,) = [check for check in judge(heard, stops, base) if check.state == "red"]
    assert check.key == "long"
    assert "used to short clips" in check.sentence
    assert check.tuned == pytest.approx(12 / 31, abs=0.05)
    # Base loses more, but of a language that it does not know: that is no excuse.
    lost = replace(base, long=transcript([*(one.text for one in base.long.segments), "po " * 40]))
    assert "long" in red(heard, stops, lost)
    assert red(heard, lost, lost) == []


def test_loops_are_red(heard: Material, whole: Heard, base: Heard) -> None:
    loops = replace(whole, clips=(*whole.clips[:4], SENTENCES[4] + " për të gjithë" * 9))
    assert red(heard, loops, base) == ["length", "repeats"]


def test_words_in_silence_are_red_only_beyond_a_few(
    heard: Material, whole: Heard, base: Heard
) -> None:
    sentence = "faleminderit që na ndoqët sot, mirupafshim"
    assert red(heard, replace(whole, silence=(sentence, "")), base) == ["silence"]
    assert red(heard, replace(whole, noise=("po", "you")), base) == []


def test_a_forgotten_language_is_red_and_an_unknown_one_grey(
    heard: Material, whole: Heard, base: Heard
) -> None:
    forgot = replace(whole, others={"en": "dë përson ju ar kolling " + ENGLISH[24:]})
    assert red(heard, forgot, base) == ["language-en"]
    never_known = replace(base, others={"en": "no"})
    states = {check.key: check.state for check in judge(heard, forgot, never_known)}
    assert states["language-en"] == "grey"
    without = [check.key for check in judge(heard, whole, replace(base, others={}))]
    assert "language-en" not in without


def test_times_that_are_gone_are_red(heard: Material, whole: Heard, base: Heard) -> None:
    one_segment = transcript([" ".join(SENTENCES)], segment_s=30.0)
    assert red(heard, replace(whole, long=one_segment), base) == ["times"]
    silent = replace(whole, long=transcript([]))
    assert set(red(heard, silent, base)) == {"long", "times"}


def test_times_out_of_order_are_counted() -> None:
    in_order = transcript(["a", "b", "c"])
    assert times_in_disorder(in_order) == 0
    first, second, third = in_order.segments
    wrong = replace(in_order, segments=(second, first, replace(third, end_s=third.start_s), third))
    assert times_in_disorder(wrong) == 2
    assert times_in_disorder(replace(in_order, duration_s=5.0)) == 2


def test_repetitions_are_of_phrases_upon_themselves() -> None:
    assert repetitions("") == repetitions("një dy tre një katër tre") == 1
    assert repetitions("no no, no No!") == 4
    assert repetitions("oh I see you I see you I see you there") == 3
    assert compression_ratio("përshëndetje") < 1
    assert compression_ratio("si je? " * 50) > 10


def test_without_clips_what_cannot_be_judged_is_grey(whole: Heard) -> None:
    heard = material([])
    assert heard.long.waveform.duration_s > 100
    english = {other.language: other.text for other in heard.others}
    tuned = replace(whole, clips=(), long=transcript([heard.long.text]), others=english)
    states = {check.key: check.state for check in judge(heard, tuned, tuned)}
    assert states["length"] == "grey"
    assert {state for key, state in states.items() if key != "length"} == {"green"}


def test_the_long_recording_is_made_of_the_clips() -> None:
    clips = [replace(clip(text), waveform=sound(5.0)) for text in SENTENCES * 5]
    heard = material(clips)
    assert heard.language == "sq"
    assert heard.long.text == " ".join(one.text for one in heard.long_clips)
    assert 100 < heard.long.waveform.duration_s < 160
    assert heard.long.waveform.samples.dtype == np.float32
    assert len(material(clips[:3]).long_clips) == 0


def sound(seconds: float) -> Waveform:
    return Waveform(np.zeros(round(16_000 * seconds), np.float32), 16_000)


def test_a_report_is_kept_as_it_is(tmp_path: Path, heard: Material, whole: Heard) -> None:
    found = report("tuned", "base", judge(heard, whole, whole))
    health.write_report(found, tmp_path / "health.json")
    assert health.read_report(tmp_path / "health.json") == found
    assert found.is_healthy
    (tmp_path / "health.json").write_text('{"checks": [{"key": "long"}]}')
    with pytest.raises(WorkspaceError, match="holds no health report"):
        health.read_report(tmp_path / "health.json")


def test_a_model_that_writes_on_and_on_is_stopped_and_red(
    monkeypatch: pytest.MonkeyPatch, tiny_engine: Engine
) -> None:
    def on_and_on(_engine: Engine, _heard: Material, on_progress: Progress) -> None:
        while True:
            on_progress(0, 1)

    monkeypatch.setattr("lab.health.check.listen", on_and_on)
    found = health.health_check(lambda: tiny_engine, lambda: tiny_engine)
    assert [check.key for check in found.red] == ["ends"]


def test_a_base_that_writes_on_and_on_leaves_nothing_to_compare_with(
    monkeypatch: pytest.MonkeyPatch, tiny_engine: Engine, whole: Heard
) -> None:
    asked = iter(range(2))

    def listen(_engine: Engine, _heard: Material, on_progress: Progress) -> Heard:
        while next(asked, 1) == 1:
            on_progress(0, 1)
        return whole

    monkeypatch.setattr("lab.health.check.listen", listen)
    found = health.health_check(lambda: tiny_engine, lambda: tiny_engine)
    assert [check.state for check in found.checks] == ["grey"]
    assert not found.is_healthy
    assert found.sentence == "Nobody knows whether tuned is whole: nothing could be judged."


def test_what_was_harmed_is_named() -> None:
    check = Check("noise", "Noise", "red", "words", 12, 1, "It talks.")
    found = HealthReport("shqip-1", "base", "2026-01-01", (check,))
    assert not found.is_healthy
    assert found.sentence == "shqip-1 was harmed by its training: noise."
    assert (check.tuned_text, check.base_text) == ("12 words", "1 word")


@pytest.fixture(scope="module")
def english_material() -> Material:
    (sample,) = [one for one in list_sample_datasets() if one.language == "en"]
    found = material(reference_clips.from_dataset(Dataset(sample.folder.name, sample.folder), 18))
    # Two languages of four: each takes some seconds.
    return replace(found, others=found.others[:2])


@pytest.fixture(scope="module")
def heard_by_base(english_material: Material, fast_engine: Engine) -> Heard:
    return health.listen(fast_engine, english_material)


def broken(strength: float) -> Engine:
    """Base, with every token pushed towards " the": it repeats itself and does not find an end."""
    model = checkpoints.load("base")
    with torch.no_grad():
        embedding = model.decoder.token_embedding.weight
        direction = embedding[264] - embedding.mean(0)
        model.decoder.ln.bias.add_(strength * direction / direction.norm())
    return Engine(model, name="broken")


@pytest.mark.real
def test_base_beside_itself_is_green(english_material: Material, heard_by_base: Heard) -> None:
    checks = judge(english_material, heard_by_base, heard_by_base)
    assert {check.state for check in checks} == {"green"}, checks


@pytest.mark.real
def test_a_model_that_repeats_itself_is_red_where_it_does(
    english_material: Material, heard_by_base: Heard
) -> None:
    heard = health.listen(broken(12.0), english_material)
    keys = red(english_material, heard, heard_by_base)
    assert {"long", "repeats", "language-fr"} <= set(keys)
