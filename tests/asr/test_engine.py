"""The engine refuses unsupported options, and can be shared by threads."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
import torch
from whisper.audio import log_mel_spectrogram, pad_or_trim
from whisper.decoding import DecodingOptions
from whisper.decoding import decode as reference_decode
from whisper.model import Whisper

from lab import audio
from lab.asr.devices import cpu_device
from lab.asr.engine import Engine
from lab.asr.options import TranscribeOptions
from lab.asr.speech import find_speech, pack
from lab.audio import SAMPLE_RATE, Waveform
from lab.core.errors import CheckpointError, OptionsError
from lab.recordings.samples import list_samples
from tests.support.decodings import decode_all
from tests.support.speech import Utterance, joined
from tests.support.speech import prompts_or_skip as prompts
from tests.support.whispers import TINY, talking_model

ONE_TRY = TranscribeOptions(language="en", temperatures=(0.0,))


def silence(duration_s: float) -> Waveform:
    return Waveform(np.zeros(round(duration_s * SAMPLE_RATE), np.float32), SAMPLE_RATE)


def sample(language: str) -> Waveform:
    return audio.decode(next(s.audio_path for s in list_samples() if s.language == language))


@pytest.fixture(scope="module")
def english_engine() -> Engine:
    model = talking_model(replace(TINY, n_vocab=51864))
    return Engine(model, name="random.en", device=cpu_device())


# --- what it refuses ---


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"task": "summarise"}, "task is"),
        ({"beam_size": 0}, "beam_size is"),
        ({"beam_size": 21}, "beam_size is"),
        ({"temperatures": ()}, "temperatures are"),
        ({"temperatures": (0.0, 1.5)}, "temperatures are"),
        ({"temperatures": (float("nan"),)}, "temperatures are"),
        ({"speech_threshold": 0.0}, "speech_threshold is"),
        ({"speech_threshold": float("nan")}, "speech_threshold is"),
        ({"batch_size": 0}, "batch_size is"),
        ({"max_tokens": 0}, "max_tokens is"),
    ],
)
def test_a_setting_out_of_range_is_named(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(OptionsError, match=reason):
        TranscribeOptions(**options)


def test_all_settings_out_of_range_are_named_at_once() -> None:
    with pytest.raises(OptionsError, match=r"beam_size is 0.*batch_size is -1"):
        TranscribeOptions(beam_size=0, batch_size=-1)


@pytest.mark.parametrize("language", ["xx", "English", "", "EN", "yue"])
def test_an_unsupported_language_is_refused(language: str, tiny_engine: Engine) -> None:
    # Cantonese came with large-v3: a vocabulary of 51,865 has no token for it.
    with pytest.raises(OptionsError, match="does not support the language"):
        tiny_engine.transcribe(silence(1), TranscribeOptions(language=language))


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"language": "sq"}, "supports English only"), ({"task": "translate"}, "cannot translate")],
)
def test_an_english_model_refuses_other_languages_and_translation(
    options: dict[str, Any], reason: str, english_engine: Engine
) -> None:
    with pytest.raises(OptionsError, match=reason):
        english_engine.transcribe(silence(1), TranscribeOptions(**options))


def test_an_unknown_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no model called"):
        Engine.load("nobody", models_dir=tmp_path)


# --- what it does ---


def test_an_english_model_transcribes_without_detecting_a_language(english_engine: Engine) -> None:
    speech = sample("en")
    for language in (None, "en"):
        options = replace(ONE_TRY, language=language)
        transcription = english_engine.transcribe(speech, options)
        assert transcription.info.language == "en"
        assert transcription.transcript().segments
    detection = english_engine.detect_language(speech)
    assert detection is not None
    assert (detection.language, detection.probability) == ("en", 1.0)


def test_the_language_of_silence_is_unknown(tiny_engine: Engine) -> None:
    assert tiny_engine.detect_language(silence(5)) is None


def test_language_probabilities_match_openai_whisper(tiny_engine: Engine) -> None:
    mel = tiny_engine.log_mels([sample("fr").samples])
    with torch.inference_mode():
        (ours,) = tiny_engine.detect_from_features(tiny_engine.encode(mel))
    _, (theirs,) = talking_model().detect_language(mel)
    assert ours.probabilities == pytest.approx(theirs, abs=1e-5)
    assert ours.language == max(theirs, key=theirs.__getitem__)
    assert list(ours.probabilities.values()) == sorted(ours.probabilities.values(), reverse=True)


def test_spectrograms_match_openai_whisper_padded_to_30_seconds(tiny_engine: Engine) -> None:
    sounds = [sample("en").samples[: 7 * SAMPLE_RATE], np.zeros(1, np.float32)]
    mels = tiny_engine.log_mels(sounds)
    assert mels.shape == (2, 80, 3000)
    for mel, sound in zip(mels, sounds, strict=True):
        assert torch.equal(mel, log_mel_spectrogram(pad_or_trim(sound)))


def test_threads_can_share_an_engine(tiny_engine: Engine) -> None:
    speech = {language: sample(language) for language in ("en", "fr", "es")}
    options = replace(ONE_TRY, language=None, word_timestamps=True)

    def transcribe(language: str) -> object:
        return tiny_engine.transcribe(speech[language], options).transcript()

    alone = {language: transcribe(language) for language in speech}
    shared: dict[str, object] = {}
    threads = [
        threading.Thread(target=lambda code=code: shared.update({code: transcribe(code)}))
        for code in speech
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shared == alone


# --- with Whisper base and real speech ---


@pytest.mark.real
@pytest.mark.parametrize("language", ["en", "fr"])
def test_greedy_search_with_base_gives_openai_whisper_s_tokens(
    language: str, base_engine: Engine, openai_base: Whisper
) -> None:
    """From the audio on, in windows of up to 30 s of which some join as others finish."""
    talk, _ = joined(prompts(language))
    samples = talk.samples[: 180 * SAMPLE_RATE]
    windows = [window.cut(samples) for window in pack(find_speech(samples))]
    assert len(windows) >= 5
    mels = base_engine.log_mels(windows)
    network, tokenizer = base_engine.network, base_engine.tokenizer(language)
    ours = decode_all(network, tokenizer, base_engine.encode(mels), capacity=4)
    options = DecodingOptions(language=language, fp16=False)
    theirs = reference_decode(openai_base, mels, options)
    assert [list(one.tokens) for one in ours] == [one.tokens for one in theirs]
    assert [one.text for one in ours] == [one.text for one in theirs]


@pytest.mark.real
def test_beam_search_with_base_gives_openai_whisper_s_texts(
    base_engine: Engine, openai_base: Whisper, english_prompts: list[Utterance]
) -> None:
    mels = base_engine.log_mels([prompt.load().samples for prompt in english_prompts[:4]])
    network, tokenizer = base_engine.network, base_engine.tokenizer("en")
    ours = decode_all(network, tokenizer, base_engine.encode(mels), capacity=2, beam_size=5)
    options = DecodingOptions(language="en", fp16=False, beam_size=5)
    theirs = [reference_decode(openai_base, mel, options) for mel in mels]
    assert [one.text for one in ours] == [one.text for one in theirs]


@pytest.mark.real
def test_engine_decode_matches_openai_whisper(
    base_engine: Engine, english_prompts: list[Utterance]
) -> None:
    mel = base_engine.log_mels([english_prompts[0].load().samples])[0]
    result = base_engine.decode(mel, DecodingOptions(language="en"))
    assert jiwer.wer(english_prompts[0].text.lower(), result.text.lower()) < 0.5
    assert (result.language, result.temperature) == ("en", 0.0)


@pytest.mark.real
@pytest.mark.parametrize("language", ["en", "fr", "es", "it", "ru"])
def test_base_detects_the_spoken_language(language: str, fast_engine: Engine) -> None:
    detection = fast_engine.detect_language(sample(language))
    assert detection is not None
    assert detection.language == language
    assert detection.probability > 0.8
