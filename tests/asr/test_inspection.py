"""Inspection reports the tokens and probabilities of openai-whisper."""

import numpy as np
import pytest
import torch
from whisper.decoding import DecodingOptions
from whisper.decoding import decode as reference_decode
from whisper.model import Whisper

from lab import audio
from lab.asr.engine import Engine
from lab.asr.inspection import inspect
from lab.audio import SAMPLE_RATE, Waveform
from lab.core.errors import AudioError, OptionsError
from lab.recordings.samples import list_samples
from tests.support.whispers import talking_model


@pytest.fixture(scope="module")
def openai() -> Whisper:
    return talking_model()


@pytest.fixture
def speech() -> Waveform:
    return audio.decode(list_samples()[0].audio_path).slice(0, 8)


def test_tokens_and_probabilities_match_openai_whisper(
    tiny_engine: Engine, openai: Whisper, speech: Waveform
) -> None:
    inspection = inspect(tiny_engine, speech, language="en", alternatives=3)
    (mel,) = tiny_engine.log_mels([speech.samples])
    theirs = reference_decode(openai, mel, DecodingOptions(language="en", fp16=False))
    assert inspection.text == theirs.text.strip()
    assert len(inspection.tokens) == len(theirs.tokens)
    tokenizer = tiny_engine.tokenizer("en")
    initial = [*tokenizer.sot_sequence]
    with torch.inference_mode():
        logits = openai.decoder(
            torch.tensor([[*initial, *theirs.tokens]]), openai.embed_audio(mel[None])
        )[0]
    probabilities = logits[len(initial) - 1 : -1].softmax(-1)
    for ours, token, row in zip(inspection.tokens, theirs.tokens, probabilities, strict=True):
        assert ours.chosen.probability == pytest.approx(float(row[token]), abs=1e-4)
        assert [candidate.probability for candidate in ours.alternatives] == pytest.approx(
            row.topk(3).values.tolist(), abs=1e-4
        )
        assert ours.is_timestamp == (token >= tokenizer.timestamp_begin)


@pytest.mark.parametrize("seconds", [0, 30.5])
def test_an_empty_or_too_long_waveform_is_refused(seconds: float, tiny_engine: Engine) -> None:
    samples = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    with pytest.raises(AudioError, match="at once"):
        inspect(tiny_engine, Waveform(samples, SAMPLE_RATE))


def test_an_unknown_language_is_refused(tiny_engine: Engine, speech: Waveform) -> None:
    with pytest.raises(OptionsError, match="does not support"):
        inspect(tiny_engine, speech, language="xx")


@pytest.mark.real
def test_base_is_confident_of_clear_words_and_times_them_in_order(
    fast_engine: Engine, speech: Waveform
) -> None:
    inspection = inspect(fast_engine, speech)
    assert inspection.language.language == "en"
    text = "".join(ours.chosen.text for ours in inspection.tokens if not ours.is_timestamp).strip()
    assert text == inspection.text
    assert np.median([ours.chosen.probability for ours in inspection.tokens]) > 0.8
    times = [time_s for word in inspection.words for time_s in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert times[-1] <= speech.duration_s
