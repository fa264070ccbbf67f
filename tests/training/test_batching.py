"""Windows and tokens of a batch."""

import numpy as np
import pytest
import torch
from whisper.audio import log_mel_spectrogram, pad_or_trim
from whisper.tokenizer import get_tokenizer

from lab.training.batching import IGNORED, Batch, Collator, LabeledMel
from lab.training.prepared_examples import log_mel
from tests.support.whispers import TINY

TOKENIZER = get_tokenizer(True, num_languages=99, language="sq", task="transcribe")


def noise(seconds: float, text: str, *, language: str = "sq", level: float = 1.0) -> LabeledMel:
    rng = np.random.default_rng(0)
    samples = level * rng.standard_normal(int(16_000 * seconds)).astype(np.float32) / 10
    return LabeledMel(log_mel(samples, 80), text, language)


@pytest.fixture
def collator() -> Collator:
    return Collator(TINY, max_tokens=200)


def target_texts(batch: Batch) -> list[str]:
    """The target text of each window."""
    rows = [row[row != IGNORED].tolist() for row in batch.targets]
    return [TOKENIZER.decode_with_timestamps(row) for row in rows]


def test_each_clip_has_its_own_window_with_some_silence(collator: Collator) -> None:
    clips = [noise(1.0, "Mirë"), noise(2.3, " Mirë se vini ")]
    batch = collator.collate(clips, rng=np.random.default_rng(0))
    assert batch.mels.shape == (2, 80, 300)
    assert target_texts(batch) == [" Mirë<|endoftext|>", " Mirë se vini<|endoftext|>"]
    start = [*TOKENIZER.sot_sequence, TOKENIZER.no_timestamps]
    assert batch.tokens[:, : len(start)].tolist() == [start, start]
    # Each token is to be predicted from those before it.
    for tokens, targets in zip(batch.tokens, batch.targets, strict=True):
        learned = targets[targets != IGNORED]
        assert torch.equal(tokens[len(start) :][: len(learned) - 1], learned[:-1])


def test_a_special_token_in_a_text_is_encoded_as_letters(collator: Collator) -> None:
    batch = collator.collate([noise(1.0, "Mirë <|endoftext|>")], rng=np.random.default_rng(0))
    assert target_texts(batch) == [" Mirë <|endoftext|><|endoftext|>"]
    assert (batch.targets == TOKENIZER.eot).sum() == 1


def test_a_window_is_the_spectrogram_of_the_padded_clip(collator: Collator) -> None:
    samples = np.random.default_rng(0).standard_normal(40_000).astype(np.float32) / 10
    clip = LabeledMel(log_mel(samples, 80), "a", "sq")
    batch = collator.collate([clip], long_form=True, rng=np.random.default_rng(0))
    expected = log_mel_spectrogram(pad_or_trim(samples), 80)
    expected[:, 250:252] = batch.mels[0][:, 250:252]  # the frames that straddle the end of the clip
    torch.testing.assert_close(batch.mels[0], expected, atol=2e-3, rtol=0)


def test_timestamps_enclose_the_text_of_a_clip(collator: Collator) -> None:
    batch = collator.collate([noise(1.5, "Po")], timestamp_ratio=1.0, rng=np.random.default_rng(0))
    assert target_texts(batch) == ["<|0.00|> Po<|1.50|><|endoftext|>"]


def test_long_form_windows_contain_all_clips(collator: Collator) -> None:
    clips = [noise(3.0, f"fjala {number}") for number in range(12)]
    for seed in range(5):
        batch = collator.collate(
            clips, long_form=True, timestamp_ratio=1.0, rng=np.random.default_rng(seed)
        )
        assert batch.mels.shape[1:] == (80, 3000)
        assert batch.n_clips == 12
        texts = "".join(target_texts(batch))
        assert all(f" fjala {number}<" in texts for number in range(12))
        assert len(batch.mels) <= 4  # 36 s fit into two windows; randomness wastes little


def test_languages_do_not_share_a_window(collator: Collator) -> None:
    clips = [noise(1.0, "po"), noise(1.0, "yes", language="en"), noise(1.0, "jo")]
    batch = collator.collate(clips, long_form=True, rng=np.random.default_rng(1))
    languages = batch.tokens[:, 1].tolist()
    assert set(languages) == {TOKENIZER.to_language_token("sq"), TOKENIZER.to_language_token("en")}


def test_texts_that_cannot_be_trained_on_are_rejected(collator: Collator) -> None:
    assert collator.text_rejection_reason("po " * 50, "sq") is None
    assert collator.text_rejection_reason("po " * 500, "sq") == "with too long a text"
    for text in ("<|0.00|> Mirë<|1.20|>", "Mirë <|<|endoftext|>"):
        assert collator.text_rejection_reason(text, "sq") == "with special tokens in the text"
    assert collator.text_rejection_reason("<|Mirë|> <| |>", "sq") is None
    assert (
        collator.text_rejection_reason("po", "yue")
        == "in a language that the model does not support"
    )
