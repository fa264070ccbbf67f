"""What the model is given to hear and to write."""

import numpy as np
import pytest
import torch
from whisper.audio import log_mel_spectrogram, pad_or_trim
from whisper.tokenizer import get_tokenizer

from lab.training.intake import log_mel
from lab.training.windows import IGNORED, Batch, Spoken, Windows
from tests.support.whispers import TINY

TOKENIZER = get_tokenizer(True, num_languages=99, language="sq", task="transcribe")


def spoken(seconds: float, text: str, *, language: str = "sq", level: float = 1.0) -> Spoken:
    rng = np.random.default_rng(0)
    samples = level * rng.standard_normal(int(16_000 * seconds)).astype(np.float32) / 10
    return Spoken(log_mel(samples, 80), text, language)


@pytest.fixture
def windows() -> Windows:
    return Windows(TINY, max_tokens=200)


def written(batch: Batch) -> list[str]:
    """What is to be learned in each window."""
    rows = [row[row != IGNORED].tolist() for row in batch.targets]
    return [TOKENIZER.decode_with_timestamps(row) for row in rows]


def test_clips_have_windows_of_their_own_with_some_silence_after(windows: Windows) -> None:
    clips = [spoken(1.0, "Mirë"), spoken(2.3, " Mirë se vini ")]
    batch = windows.batch(clips, rng=np.random.default_rng(0))
    assert batch.mels.shape == (2, 80, 300)
    assert written(batch) == [" Mirë<|endoftext|>", " Mirë se vini<|endoftext|>"]
    start = [*TOKENIZER.sot_sequence, TOKENIZER.no_timestamps]
    assert batch.tokens[:, : len(start)].tolist() == [start, start]
    # Each token is to be predicted from those before it.
    for tokens, targets in zip(batch.tokens, batch.targets, strict=True):
        learned = targets[targets != IGNORED]
        assert torch.equal(tokens[len(start) :][: len(learned) - 1], learned[:-1])


def test_a_mark_in_a_text_is_letters_and_never_a_token(windows: Windows) -> None:
    batch = windows.batch([spoken(1.0, "Mirë <|endoftext|>")], rng=np.random.default_rng(0))
    assert written(batch) == [" Mirë <|endoftext|><|endoftext|>"]
    assert (batch.targets == TOKENIZER.eot).sum() == 1


def test_a_window_is_the_spectrogram_of_the_sound_with_silence(windows: Windows) -> None:
    samples = np.random.default_rng(0).standard_normal(40_000).astype(np.float32) / 10
    clip = Spoken(log_mel(samples, 80), "a", "sq")
    batch = windows.batch([clip], full=True, rng=np.random.default_rng(0))
    expected = log_mel_spectrogram(pad_or_trim(samples), 80)
    expected[:, 250:252] = batch.mels[0][:, 250:252]  # where the end of the sound is half heard
    torch.testing.assert_close(batch.mels[0], expected, atol=2e-3, rtol=0)


def test_with_times_a_text_says_when_its_clip_ends(windows: Windows) -> None:
    batch = windows.batch([spoken(1.5, "Po")], timestamp_share=1.0, rng=np.random.default_rng(0))
    assert written(batch) == ["<|0.00|> Po<|1.50|><|endoftext|>"]


def test_at_30_s_clips_follow_each_other_and_all_are_heard(windows: Windows) -> None:
    clips = [spoken(3.0, f"fjala {number}") for number in range(12)]
    for seed in range(5):
        batch = windows.batch(
            clips, full=True, timestamp_share=1.0, rng=np.random.default_rng(seed)
        )
        assert batch.mels.shape[1:] == (80, 3000)
        assert batch.n_clips == 12
        texts = "".join(written(batch))
        assert all(f" fjala {number}<" in texts for number in range(12))
        assert len(batch.mels) <= 4  # 36 s fit into two windows; chance wastes little


def test_languages_do_not_share_a_window(windows: Windows) -> None:
    clips = [spoken(1.0, "po"), spoken(1.0, "yes", language="en"), spoken(1.0, "jo")]
    batch = windows.batch(clips, full=True, rng=np.random.default_rng(1))
    languages = batch.tokens[:, 1].tolist()
    assert set(languages) == {TOKENIZER.to_language_token("sq"), TOKENIZER.to_language_token("en")}


def test_a_text_that_is_too_long_does_not_fit(windows: Windows) -> None:
    assert windows.why_not("po " * 50, "sq") is None
    assert windows.why_not("po " * 500, "sq") == "with too long a text"
    for marked in ("<|0.00|> Mirë<|1.20|>", "Mirë <|<|endoftext|>"):
        assert windows.why_not(marked, "sq") == "with Whisper's own marks in the text"
    assert windows.why_not("<|Mirë|> <| |>", "sq") is None
    assert windows.why_not("po", "yue") == "in a language that the model does not know"
