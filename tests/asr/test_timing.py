"""Words have openai-whisper's timestamps, and together they are the text."""

import numpy as np
import pytest
import torch
from whisper.model import Whisper
from whisper.timing import find_alignment
from whisper.tokenizer import Tokenizer, get_tokenizer

from lab.asr.audio_context import SHORT_AUDIO_CTX, audio_ctx_for
from lab.asr.engine import Engine
from lab.asr.timing import token_timestamps, words_of
from tests.support.speech import Utterance

TOKENIZER = get_tokenizer(True, num_languages=99, language="en", task="transcribe")


def spaced(tokens: list[int]) -> np.ndarray:
    """Times of tokens of one second each."""
    return np.arange(len(tokens) + 1, dtype=float)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Hello there.", [" Hello", " there."]),
        (" “Well” she said (twice)!", [" “Well”", " she", " said", " (twice)!"]),
        (" ¿Qué tal?", [" ¿Qué", " tal?"]),
        (" Përshëndetje, botë…", [" Përshëndetje,", " botë…"]),
        (" a - b", [" a", " - b"]),
    ],
)
def test_punctuation_is_merged_and_the_words_concatenate_to_the_text(
    text: str, expected: list[str]
) -> None:
    tokens = TOKENIZER.encode(text)
    for times_s in (None, spaced(tokens)):
        words = words_of(TOKENIZER, tokens, [-0.1] * len(tokens), times_s)
        assert "".join(word.text for word in words) == text
        assert [word.text for word in words] == expected


def test_without_timestamps_words_have_only_probabilities() -> None:
    tokens = TOKENIZER.encode(" Hello there")
    words = words_of(TOKENIZER, tokens, [np.log(0.9), np.log(0.4)])
    assert [word.probability for word in words] == pytest.approx([0.9, 0.4])
    assert {(word.start_s, word.end_s) for word in words} == {(None, None)}


def test_a_word_of_many_tokens_spans_them_and_has_their_mean_probability() -> None:
    tokens = TOKENIZER.encode(" Përshëndetje botë")
    probabilities = np.linspace(0.2, 0.9, len(tokens))
    first, second = words_of(TOKENIZER, tokens, np.log(probabilities).tolist(), spaced(tokens))
    split = int(first.end_s or 0)
    assert (first.start_s, second.start_s, second.end_s) == (0.0, split, len(tokens))
    assert first.probability == pytest.approx(probabilities[:split].mean())
    assert second.probability == pytest.approx(probabilities[split:].mean())


def test_no_tokens_give_no_words() -> None:
    assert words_of(TOKENIZER, [], []) == []
    assert words_of(TOKENIZER, [], [], np.zeros(1)) == []


def test_a_pause_after_a_sentence_is_not_part_of_a_word() -> None:
    tokens = TOKENIZER.encode(" One two three. Four five")
    times_s = np.array([0.0, 0.3, 0.6, 0.9, 1.0, 5.0, 5.3])
    assert len(tokens) == 6
    words = words_of(TOKENIZER, tokens, [0.0] * 6, times_s)
    four = next(word for word in words if word.text == " Four")
    # The 4 s are truncated to twice the median of 0.3 s.
    assert [four.start_s, four.end_s] == pytest.approx([4.4, 5.0])


@pytest.mark.real
def test_word_timestamps_match_openai_whisper(
    base_engine: Engine, openai_base: Whisper, english_prompts: list[Utterance]
) -> None:
    network, tokenizer = base_engine.network, base_engine.tokenizer("en")
    for prompt in english_prompts[:5]:
        waveform = prompt.load()
        text = tokenizer.encode(" " + prompt.text)
        (mel,) = base_engine.log_mels([waveform.samples])
        (features,) = base_engine.encode(mel[None])
        with torch.inference_mode():
            times_s = token_timestamps(network, tokenizer, features, text, waveform.duration_s)
            theirs = find_alignment(
                openai_base, tokenizer, text, mel, 2 * round(waveform.duration_s / 0.02)
            )
        bounds = word_bounds(tokenizer, text)
        assert times_s[bounds[:-1]] == pytest.approx([w.start for w in theirs], abs=0.021)
        assert times_s[bounds[1:]] == pytest.approx([w.end for w in theirs], abs=0.021)
        assert (np.diff(times_s) >= 0).all()
        assert len(times_s) == len(text) + 1
        assert times_s[-1] <= waveform.duration_s + 0.02


@pytest.mark.real
def test_word_timestamps_in_a_short_context_are_close_to_the_full_one(
    base_engine: Engine, english_prompts: list[Utterance]
) -> None:
    network, tokenizer = base_engine.network, base_engine.tokenizer("en")
    prompts = [prompt for prompt in english_prompts if 4 < prompt.load().duration_s < 11][:5]
    assert prompts
    differences: list[float] = []
    for prompt in prompts:
        waveform, text = prompt.load(), tokenizer.encode(" " + prompt.text)
        times_s = []
        for audio_ctx in (audio_ctx_for(len(waveform.samples), SHORT_AUDIO_CTX), 1500):
            mels = base_engine.log_mels([waveform.samples], audio_ctx=audio_ctx)
            (features,) = base_engine.encode(mels)
            with torch.inference_mode():
                times_s.append(
                    token_timestamps(network, tokenizer, features, text, waveform.duration_s)
                )
        differences += np.abs(times_s[0] - times_s[1]).tolist()
    assert np.mean(np.array(differences) <= 0.1) > 0.9


def word_bounds(tokenizer: Tokenizer, tokens: list[int]) -> np.ndarray:
    _, groups = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    return np.cumsum([0, *map(len, groups[:-1])])
