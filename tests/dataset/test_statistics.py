"""Statistics of datasets."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.dataset import DatasetClip
from lab.dataset.predictions import Prediction
from lab.dataset.statistics import (
    CharacterCount,
    SplitSummary,
    WordCount,
    alphabet,
    frame,
    histogram,
    summary,
    vocabulary,
    with_predictions,
)

CLIPS = [
    DatasetClip("a.wav", "Mirë, mirë!", "train", "ana", "sq", "corrected", 2.0),
    DatasetClip("b.wav", "po", "train", "ben", "sq", "new", 1.5),
    DatasetClip("c.wav", "", "", "", "sq", "new", None),
    DatasetClip("d.wav", "jo", "test", "cen", "sq", "excluded", 9.0),
]


def test_a_row_has_the_columns_of_a_clip() -> None:
    table = frame(CLIPS)
    assert list(table.iloc[0])[:6] == ["a.wav", "Mirë, mirë!", 2.0, 2, 11, 5.5]
    assert table.loc[2, ["duration", "rate"]].isna().all()
    assert len(frame([])) == 0
    assert summary(frame([])).splits == ()


def test_excluded_clips_are_only_counted_as_such() -> None:
    found = summary(frame(CLIPS))
    assert (found.n_clips, found.n_excluded, found.n_with_text, found.n_corrected) == (4, 1, 2, 1)
    assert (found.n_speakers, found.n_without_duration) == (2, 1)
    assert found.hours == pytest.approx(3.5 / 3600)
    assert found.splits == (
        SplitSummary("train", 2, 2, 2, 3.5),
        SplitSummary("", 1, 0, 0, 0.0),
    )


def test_predictions_are_compared_with_the_texts() -> None:
    predictions = {
        "a.wav": Prediction("mire mirë", 0.8, "sq"),
        "c.wav": Prediction("çfarë", 0.1, "sq"),
    }
    table = with_predictions(frame(CLIPS), predictions)
    assert list(table["prediction"]) == ["mire mirë", "", "çfarë", ""]
    assert table["wer"].tolist() == pytest.approx([0.5, math.nan, math.nan, math.nan], nan_ok=True)
    assert table["cer"][0] == pytest.approx(1 / 9)
    assert table["confidence"].isna().tolist() == [False, True, False, True]


def test_characters_and_words_are_counted_with_their_clips() -> None:
    texts = [clip.transcription for clip in CLIPS]
    assert CharacterCount("ë", "LATIN SMALL LETTER E WITH DIAERESIS", 2, 1) in alphabet(texts)
    assert CharacterCount("\x07", "U+0007", 1, 1) in alphabet(["\x07"])
    words = vocabulary(texts)
    assert words.words[0] == WordCount("mirë", 2, 1)
    assert (words.n_words, words.n_once) == (4, 2)
    assert words.once_ratio == pytest.approx(2 / 3)


@given(st.lists(st.floats(min_value=0, max_value=1e6) | st.just(math.nan)))
def test_a_histogram_counts_every_known_value_once(values: list[float]) -> None:
    found = histogram(values)
    known = [value for value in values if not math.isnan(value)]
    assert sum(found.counts) + found.n_above == len(known)
    assert len(found.edges) == len(found.counts) + 1 <= 42
    widths = np.diff(found.edges)
    assert np.allclose(widths, widths[0])


def test_an_outlier_does_not_squeeze_the_histogram() -> None:
    found = histogram([*np.linspace(5, 20, 999), 4000.0])
    assert found.n_above == 1
    assert found.edges[-1] < 50
