"""A dataset in figures."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.dataset import Entry
from lab.dataset.predictions import Prediction
from lab.dataset.statistics import (
    Letter,
    SplitSummary,
    VocabularyWord,
    alphabet,
    frame,
    histogram,
    summary,
    vocabulary,
    with_predictions,
)

CLIPS = [
    Entry("a.wav", "Mirë, mirë!", "train", "ana", "sq", "corrected", 2.0),
    Entry("b.wav", "po", "train", "ben", "sq", "new", 1.5),
    Entry("c.wav", "", "", "", "sq", "new", None),
    Entry("d.wav", "jo", "test", "cen", "sq", "excluded", 9.0),
]


def test_a_row_says_what_is_known_of_a_clip() -> None:
    table = frame(CLIPS)
    assert list(table.iloc[0])[:6] == ["a.wav", "Mirë, mirë!", 2.0, 2, 11, 5.5]
    assert table.loc[2, ["duration", "rate"]].isna().all()
    assert len(frame([])) == 0
    assert summary(frame([])).splits == ()


def test_excluded_clips_count_nowhere_else() -> None:
    found = summary(frame(CLIPS))
    assert (found.n_clips, found.n_excluded, found.n_with_text, found.n_corrected) == (4, 1, 2, 1)
    assert (found.n_speakers, found.n_without_length) == (2, 1)
    assert found.hours == pytest.approx(3.5 / 3600)
    assert found.splits == (
        SplitSummary("train", 2, 2, 2, 3.5),
        SplitSummary("", 1, 0, 0, 0.0),
    )


def test_predictions_stand_beside_the_texts() -> None:
    heard = {
        "a.wav": Prediction("mire mirë", 0.8, "sq"),
        "c.wav": Prediction("çfarë", 0.1, "sq"),
    }
    table = with_predictions(frame(CLIPS), heard)
    assert list(table["prediction"]) == ["mire mirë", "", "çfarë", ""]
    assert table["wer"].tolist() == pytest.approx([0.5, math.nan, math.nan, math.nan], nan_ok=True)
    assert table["cer"][0] == pytest.approx(1 / 9)
    assert table["confidence"].isna().tolist() == [False, True, False, True]


def test_letters_and_words_are_counted_with_their_clips() -> None:
    texts = [clip.transcription for clip in CLIPS]
    assert Letter("ë", "LATIN SMALL LETTER E WITH DIAERESIS", 2, 1) in alphabet(texts)
    assert Letter("\x07", "U+0007", 1, 1) in alphabet(["\x07"])
    words = vocabulary(texts)
    assert words.words[0] == VocabularyWord("mirë", 2, 1)
    assert (words.n_words, words.n_once) == (4, 2)
    assert words.share_once == pytest.approx(2 / 3)


@given(st.lists(st.floats(min_value=0, max_value=1e6) | st.just(math.nan)))
def test_a_histogram_holds_every_known_value_once(values: list[float]) -> None:
    found = histogram(values)
    known = [value for value in values if not math.isnan(value)]
    assert sum(found.counts) + found.n_above == len(known)
    assert len(found.edges) == len(found.counts) + 1 <= 42
    widths = np.diff(found.edges)
    assert np.allclose(widths, widths[0])


def test_a_clip_with_the_text_of_another_does_not_press_the_rest_together() -> None:
    found = histogram([*np.linspace(5, 20, 999), 4000.0])
    assert found.n_above == 1
    assert found.edges[-1] < 50
