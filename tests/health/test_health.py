"""The regression check, mostly on made-up outputs."""

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
from lab.evaluation.reference_clips import ReferenceClip
from lab.health import CheckResult, HealthReport
from lab.health.comparison import compare
from lab.health.outputs import (
    ModelOutputs,
    count_invalid_timestamps,
    max_phrase_repeats,
    transcribe_probes,
)
from lab.health.probes import ProbeSet, build_probe_set
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


def clip(text: str, language: str = "sq") -> ReferenceClip:
    return ReferenceClip(Waveform(np.zeros(160_000, np.float32), 16_000), text, language)


def transcript(texts: list[str], *, segment_s: float = 4.0) -> Transcript:
    segments = tuple(
        Segment(index * segment_s, (index + 1) * segment_s, f" {text}")
        for index, text in enumerate(texts)
    )
    return Transcript(segments, "sq", {}, max(len(texts) * segment_s, 50.0))


@pytest.fixture
def probes() -> ProbeSet:
    clips = [clip(text) for text in SENTENCES]
    long = clip(" ".join(SENTENCES))
    quiet = [clip(""), clip("")]
    return ProbeSet(clips, "sq", long, clips, quiet, quiet, [clip(ENGLISH, "en")])


@pytest.fixture
def perfect() -> ModelOutputs:
    """A model that gets everything right."""
    long = transcript(SENTENCES)
    return ModelOutputs("tuned", tuple(SENTENCES), long, ("", ""), ("", "you"), {"en": ENGLISH})


@pytest.fixture
def base(perfect: ModelOutputs) -> ModelOutputs:
    """A model that knows English but no Albanian."""
    nonsense = ["si e ke", "po po po", "nuk e di çfarë është", "treni", "bukë"]
    return replace(perfect, model="base", clips=tuple(nonsense), long=transcript(nonsense))


def red(probes: ProbeSet, tuned: ModelOutputs, base: ModelOutputs) -> list[str]:
    return [check.key for check in compare(probes, tuned, base) if check.state == "red"]


def test_a_better_model_than_its_base_is_green(
    probes: ProbeSet, perfect: ModelOutputs, base: ModelOutputs
) -> None:
    assert {check.state for check in compare(probes, perfect, base)} == {"green"}


def test_defects_of_the_base_model_are_not_regressions(
    probes: ProbeSet, base: ModelOutputs
) -> None:
    loops = replace(base, silence=("you " * 90, "you " * 90), clips=("po " * 50,) * 5)
    assert red(probes, loops, loops) == []


def test_a_model_that_fails_on_long_recordings_only_is_red_there(
    probes: ProbeSet, perfect: ModelOutputs, base: ModelOutputs
) -> None:
    stops = replace(perfect, long=transcript(SENTENCES[:3]))
    (check,) = [check for check in compare(probes, stops, base) if check.state == "red"]
    assert check.key == "long"
    assert "specialised in short clips" in check.sentence
    assert check.tuned == pytest.approx(12 / 31, abs=0.05)
    # The base model loses more, but in a language that it does not know, so it does not count.
    lost = replace(base, long=transcript([*(one.text for one in base.long.segments), "po " * 40]))
    assert "long" in red(probes, stops, lost)
    assert red(probes, lost, lost) == []


def test_loops_are_red(probes: ProbeSet, perfect: ModelOutputs, base: ModelOutputs) -> None:
    loops = replace(perfect, clips=(*perfect.clips[:4], SENTENCES[4] + " për të gjithë" * 9))
    assert red(probes, loops, base) == ["length", "repeats"]


def test_words_in_silence_are_red_only_beyond_a_few(
    probes: ProbeSet, perfect: ModelOutputs, base: ModelOutputs
) -> None:
    sentence = "faleminderit që na ndoqët sot, mirupafshim"
    assert red(probes, replace(perfect, silence=(sentence, "")), base) == ["silence"]
    assert red(probes, replace(perfect, noise=("po", "you")), base) == []


def test_a_forgotten_language_is_red_and_an_unknown_one_grey(
    probes: ProbeSet, perfect: ModelOutputs, base: ModelOutputs
) -> None:
    forgot = replace(perfect, others={"en": "dë përson ju ar kolling " + ENGLISH[24:]})
    assert red(probes, forgot, base) == ["language-en"]
    never_known = replace(base, others={"en": "no"})
    states = {check.key: check.state for check in compare(probes, forgot, never_known)}
    assert states["language-en"] == "grey"
    without = [check.key for check in compare(probes, perfect, replace(base, others={}))]
    assert "language-en" not in without


def test_lost_timestamps_are_red(
    probes: ProbeSet, perfect: ModelOutputs, base: ModelOutputs
) -> None:
    one_segment = transcript([" ".join(SENTENCES)], segment_s=30.0)
    assert red(probes, replace(perfect, long=one_segment), base) == ["times"]
    silent = replace(perfect, long=transcript([]))
    assert set(red(probes, silent, base)) == {"long", "times"}


def test_invalid_timestamps_are_counted() -> None:
    in_order = transcript(["a", "b", "c"])
    assert count_invalid_timestamps(in_order) == 0
    first, second, third = in_order.segments
    wrong = replace(in_order, segments=(second, first, replace(third, end_s=third.start_s), third))
    assert count_invalid_timestamps(wrong) == 2
    assert count_invalid_timestamps(replace(in_order, duration_s=5.0)) == 2


def test_only_phrases_in_a_row_are_repeats() -> None:
    assert max_phrase_repeats("") == max_phrase_repeats("një dy tre një katër tre") == 1
    assert max_phrase_repeats("no no, no No!") == 4
    assert max_phrase_repeats("oh I see you I see you I see you there") == 3
    assert compression_ratio("përshëndetje") < 1
    assert compression_ratio("si je? " * 50) > 10


def test_without_clips_checks_that_need_them_are_inconclusive(perfect: ModelOutputs) -> None:
    probes = build_probe_set([])
    assert probes.long.waveform.duration_s > 100
    english = {other.language: other.text for other in probes.others}
    tuned = replace(perfect, clips=(), long=transcript([probes.long.text]), others=english)
    states = {check.key: check.state for check in compare(probes, tuned, tuned)}
    assert states["length"] == "grey"
    assert {state for key, state in states.items() if key != "length"} == {"green"}


def test_the_long_recording_is_concatenated_from_clips() -> None:
    clips = [replace(clip(text), waveform=silence(5.0)) for text in SENTENCES * 5]
    probes = build_probe_set(clips)
    assert probes.language == "sq"
    assert probes.long.text == " ".join(one.text for one in probes.long_clips)
    assert 100 < probes.long.waveform.duration_s < 160
    assert probes.long.waveform.samples.dtype == np.float32
    assert len(build_probe_set(clips[:3]).long_clips) == 0


def silence(seconds: float) -> Waveform:
    return Waveform(np.zeros(round(16_000 * seconds), np.float32), 16_000)


def test_a_report_is_read_as_it_was_written(
    tmp_path: Path, probes: ProbeSet, perfect: ModelOutputs
) -> None:
    found = HealthReport("tuned", "base", tuple(compare(probes, perfect, perfect)))
    health.write_report(found, tmp_path / "health.json")
    assert health.read_report(tmp_path / "health.json") == found
    assert found.is_healthy
    (tmp_path / "health.json").write_text('{"checks": [{"key": "long"}]}')
    with pytest.raises(WorkspaceError, match="is not a health report"):
        health.read_report(tmp_path / "health.json")


def test_a_model_that_never_emits_end_of_text_is_stopped_and_red(
    monkeypatch: pytest.MonkeyPatch, tiny_engine: Engine
) -> None:
    def never_end(_engine: Engine, _probes: ProbeSet, on_progress: Progress) -> None:
        while True:
            on_progress(0, 1)

    monkeypatch.setattr("lab.health.check.transcribe_probes", never_end)
    found = health.health_check(lambda: tiny_engine, lambda: tiny_engine)
    assert [check.key for check in found.regressions] == ["ends"]


def test_a_base_model_that_never_emits_end_of_text_is_inconclusive(
    monkeypatch: pytest.MonkeyPatch, tiny_engine: Engine, perfect: ModelOutputs
) -> None:
    calls = iter(range(2))

    def transcribe(_engine: Engine, _probes: ProbeSet, on_progress: Progress) -> ModelOutputs:
        while next(calls, 1) == 1:
            on_progress(0, 1)
        return perfect

    monkeypatch.setattr("lab.health.check.transcribe_probes", transcribe)
    found = health.health_check(lambda: tiny_engine, lambda: tiny_engine)
    assert [check.state for check in found.checks] == ["grey"]
    assert not found.is_healthy
    assert found.sentence == "Inconclusive: tuned could not be compared with random."


def test_regressions_are_named() -> None:
    check = CheckResult("noise", "Noise", "red", "words", 12, 1, "It talks.")
    found = HealthReport("shqip-1", "base", (check,))
    assert not found.is_healthy
    assert found.sentence == "shqip-1 has regressed compared with base: noise."
    assert (check.tuned_text, check.base_text) == ("12 words", "1 word")


@pytest.fixture(scope="module")
def english_probes() -> ProbeSet:
    (sample,) = [one for one in list_sample_datasets() if one.language == "en"]
    found = build_probe_set(
        reference_clips.from_dataset(Dataset(sample.folder.name, sample.folder), 18)
    )
    # Two of four languages, because each takes some seconds.
    return replace(found, others=found.others[:2])


@pytest.fixture(scope="module")
def base_outputs(english_probes: ProbeSet, fast_engine: Engine) -> ModelOutputs:
    return transcribe_probes(fast_engine, english_probes)


def broken(strength: float) -> Engine:
    """Base, with every token pushed towards " the", so that it repeats itself endlessly."""
    model = checkpoints.load("base")
    with torch.no_grad():
        embedding = model.decoder.token_embedding.weight
        direction = embedding[264] - embedding.mean(0)
        model.decoder.ln.bias.add_(strength * direction / direction.norm())
    return Engine(model, name="broken")


@pytest.mark.real
def test_base_compared_with_itself_is_green(
    english_probes: ProbeSet, base_outputs: ModelOutputs
) -> None:
    checks = compare(english_probes, base_outputs, base_outputs)
    assert {check.state for check in checks} == {"green"}, checks


@pytest.mark.real
def test_a_model_that_repeats_itself_is_red(
    english_probes: ProbeSet, base_outputs: ModelOutputs
) -> None:
    outputs = transcribe_probes(broken(12.0), english_probes)
    keys = red(english_probes, outputs, base_outputs)
    assert {"long", "repeats", "language-fr"} <= set(keys)
