"""Transcribing many clips at once gives the same as one by one, in their order."""

import jiwer
import numpy as np
import pytest
import torch
from whisper.normalizers import EnglishTextNormalizer

from lab import audio
from lab.asr import clips
from lab.asr.engine import Engine
from lab.asr.options import LanguageDetection, TranscribeOptions
from lab.asr.recognition import WindowState
from lab.audio import SAMPLE_RATE, Waveform
from lab.core.errors import AudioError, OptionsError
from lab.core.progress import Cancelled
from lab.recordings.samples import list_samples
from tests.support.decodings import decoded
from tests.support.scripted import Script
from tests.support.speech import Utterance

ENGLISH = TranscribeOptions(language="en")


def silence(duration_s: float) -> Waveform:
    return Waveform(np.zeros(round(duration_s * SAMPLE_RATE), np.float32), SAMPLE_RATE)


def noise(duration_s: float, seed: int) -> Waveform:
    generator = np.random.default_rng(seed)
    samples = generator.normal(0, 0.1, round(duration_s * SAMPLE_RATE)).astype(np.float32)
    return Waveform(samples, SAMPLE_RATE)


def length_s(state: WindowState) -> float:
    return len(state.samples) / SAMPLE_RATE


@pytest.fixture
def script(tiny_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Each clip's text is its length in seconds; some take more steps than others."""
    tokenizer = tiny_engine.tokenizer("en")
    script = Script(
        tiny_engine,
        result=lambda state: decoded(
            tokenizer, 0.0, f" {length_s(state):.0f} seconds", length_s(state)
        ),
        n_steps=lambda state: 1 + 3 * round(length_s(state)) % 5,
    )
    script.install(monkeypatch)
    return script


# --- order, languages, progress ---


def test_the_results_are_in_the_order_of_the_clips(script: Script) -> None:
    durations_s = [7, 2, 30, 11, 2, 29, 5, 1, 17, 3]
    results = script.engine.transcribe_clips([silence(d) for d in durations_s], ENGLISH)
    assert [result.text for result in results] == [f"{d} seconds" for d in durations_s]
    assert [result.duration_s for result in results] == durations_s
    assert {(result.language, result.model, result.task) for result in results} == {
        ("en", "random", "transcribe")
    }
    assert all(result.language_probabilities == {} for result in results)
    # Clips of similar length are encoded together, each in a context that it fits into.
    contexts = [call.audio_ctx for call in script.calls]
    assert min(contexts[:3]) >= max(contexts[3:])
    assert set(contexts) == {200, 300, 400, 600, 900, 1500}


@pytest.mark.parametrize("min_audio_ctx", [100, 600, 1500])
def test_no_clips_give_no_transcripts(min_audio_ctx: int, script: Script) -> None:
    for options in (ENGLISH, None):
        assert script.engine.transcribe_clips([], options, min_audio_ctx=min_audio_ctx) == []
    assert script.engine.detect_languages([], min_audio_ctx=min_audio_ctx) == []


def test_an_empty_clip_does_not_disturb_the_others(script: Script) -> None:
    results = script.engine.transcribe_clips([silence(3), silence(0), silence(4)], ENGLISH)
    assert [result.duration_s for result in results] == [3, 0, 4]
    assert [results[0].text, results[2].text] == ["3 seconds", "4 seconds"]


def test_each_clip_is_decoded_in_its_language(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    languages = {3: "fr", 4: "en", 5: "fr", 6: "sq", 7: "en"}

    def detect(_engine: object, given: list[Waveform], *_: object) -> list[LanguageDetection]:
        codes = [languages[round(clip.duration_s)] for clip in given]
        return [LanguageDetection(code, {code: 0.75, "de": 0.25}) for code in codes]

    monkeypatch.setattr(clips, "detect_languages", detect)
    results = script.engine.transcribe_clips([silence(d) for d in languages])
    assert [result.language for result in results] == [*languages.values()]
    assert [result.text for result in results] == [f"{d} seconds" for d in languages]
    assert [result.language_probabilities[result.language] for result in results] == [0.75] * 5
    # A decoder for each language.
    assert sorted(tokenizer.language for tokenizer in script.tokenizers) == ["en", "fr", "sq"]


@pytest.mark.parametrize("min_audio_ctx", [600, 1500])
def test_each_clip_gets_its_own_language_by_its_first_30_seconds(
    min_audio_ctx: int, tiny_engine: Engine
) -> None:
    given = [noise(duration_s, seed) for seed, duration_s in enumerate((8, 1, 34, 8.5, 30, 0, 3))]
    results = tiny_engine.detect_languages(given, min_audio_ctx=min_audio_ctx)
    assert len(results) == len(given)
    if min_audio_ctx == 1500:
        for result, clip in zip(results, given, strict=True):
            features = tiny_engine.encode(tiny_engine.log_mels([clip.samples]))
            with torch.inference_mode():
                (alone,) = tiny_engine.detect_from_features(features)
            assert result.probabilities == pytest.approx(alone.probabilities, abs=1e-5)


def test_progress_counts_clips_and_never_decreases(script: Script) -> None:
    reports: list[float] = []

    def report(done: float, total: float, note: str = "") -> None:
        assert (total, note) == (20, "Transcribing")
        assert not script.engine.lock.locked()
        reports.append(done)

    script.engine.transcribe_clips([silence(d) for d in range(1, 21)], ENGLISH, on_progress=report)
    assert reports == sorted(reports)
    assert (reports[0], reports[-1]) == (0, 20)
    assert len(reports) >= script.steps


def test_languages_are_counted_before_texts(tiny_engine: Engine) -> None:
    reports: dict[str, list[float]] = {}

    def report(done: float, total: float, note: str = "") -> None:
        assert total == 3
        reports.setdefault(note, []).append(done)

    options = TranscribeOptions(temperatures=(0.0,))
    tiny_engine.transcribe_clips([noise(d, d) for d in (1, 2, 3)], options, on_progress=report)
    assert [*reports] == ["Detecting languages", "Transcribing"]
    for counts in reports.values():
        assert counts == sorted(counts)
        assert counts[-1] == 3


@pytest.mark.parametrize("stop_at", [1, 2, 6, 12])
def test_stopping_frees_the_engine(stop_at: int, script: Script) -> None:
    calls = 0

    def stop(*_: object, **__: object) -> None:
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise Cancelled

    given = [silence(d) for d in range(1, 8)]
    with pytest.raises(Cancelled):
        script.engine.transcribe_clips(given, ENGLISH, on_progress=stop)
    assert not script.engine.lock.locked()
    assert len(script.engine.transcribe_clips(given, ENGLISH)) == 7


# --- what is refused ---


def test_a_clip_that_is_too_long_is_named_before_anything_is_decoded(script: Script) -> None:
    with pytest.raises(AudioError, match=r"Clip 2 of 3 is 31\.5 s long; .* at most 30 s"):
        script.engine.transcribe_clips([silence(30), silence(31.5), silence(40)], ENGLISH)
    assert script.calls == []


def test_an_unsupported_language_is_refused(script: Script) -> None:
    with pytest.raises(OptionsError, match="does not support the language"):
        script.engine.transcribe_clips([silence(1)], TranscribeOptions(language="xx"))


# --- with Whisper base and real speech ---

_normalize = EnglishTextNormalizer()


@pytest.mark.real
def test_a_short_context_is_as_accurate_as_the_full_one(
    fast_engine: Engine, english_prompts: list[Utterance]
) -> None:
    prompts = english_prompts[::5][:40]
    assert len(prompts) == 40
    given = [prompt.load() for prompt in prompts]
    references = [_normalize(prompt.text) for prompt in prompts]
    short, full = (
        jiwer.wer(references, [_normalize(result.text) for result in results])
        for results in (
            fast_engine.transcribe_clips(given, ENGLISH),
            fast_engine.transcribe_clips(given, ENGLISH, min_audio_ctx=1500),
        )
    )
    assert short <= full + 0.01


@pytest.fixture
def samples() -> dict[str, Waveform]:
    """The recordings that ship with the project, by language."""
    return {sample.language: audio.decode(sample.audio_path) for sample in list_samples()}


@pytest.mark.real
def test_the_languages_of_the_samples_are_detected(
    fast_engine: Engine, samples: dict[str, Waveform]
) -> None:
    results = fast_engine.detect_languages([*samples.values()])
    assert [result.language for result in results] == [*samples]
    assert all(result.probability > 0.5 for result in results)
    short = [clip.slice(0, 5) for clip in samples.values()]
    assert [result.language for result in fast_engine.detect_languages(short)] == [*samples]


@pytest.mark.real
def test_word_timestamps_are_inside_their_clips(
    fast_engine: Engine, samples: dict[str, Waveform]
) -> None:
    given = [samples["en"].slice(0, 6), samples["fr"].slice(0, 14), samples["en"].slice(5, 13)]
    options = TranscribeOptions(word_timestamps=True)
    results = fast_engine.transcribe_clips(given, options)
    assert [result.language for result in results] == ["en", "fr", "en"]
    for clip, transcript in zip(given, results, strict=True):
        words = [word for segment in transcript.segments for word in segment.words]
        assert "".join(word.text for word in words).strip() == transcript.text
        times = [time_s for word in words for time_s in (word.start_s, word.end_s)]
        assert all(time_s is not None and 0 <= time_s <= clip.duration_s for time_s in times)
