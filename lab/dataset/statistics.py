"""Statistics of a dataset: a table to sort and filter, totals, characters and words, histograms."""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lab.dataset.predictions import Prediction
from lab.dataset.table import CORRECTED, EXCLUDED, SPLITS, DatasetClip
from lab.scoring import BASIC, Normalizer, score_each

_MAX_BINS = 40
_MIN_BIN_WIDTH = 1e-3
_ROUND_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
# Values above 1.5 times the 99th percentile are cut off, so that a few clips with wrong texts do
# not squeeze all others into one bin.
_QUANTILE, _MARGIN = 0.99, 1.5


@dataclass(frozen=True)
class SplitSummary:
    """Totals of a split, without excluded clips. name: "" for clips in no split"""

    name: str
    n_clips: int
    n_with_text: int
    n_speakers: int
    duration_s: float


@dataclass(frozen=True)
class DatasetSummary:
    """Totals of a dataset. Excluded clips count in `n_clips` and `n_excluded` only.

    duration_s: of the clips with a known duration
    splits: train, validation, test and "", as far as they have clips
    """

    n_clips: int
    n_excluded: int
    n_with_text: int
    n_corrected: int
    n_speakers: int
    duration_s: float
    n_without_duration: int
    splits: tuple[SplitSummary, ...]

    @property
    def hours(self) -> float:
        return self.duration_s / 3600


@dataclass(frozen=True)
class CharacterCount:
    """How often a character occurs. n_clips: clips that contain it; name: its Unicode name"""

    character: str
    name: str
    count: int
    n_clips: int


@dataclass(frozen=True)
class WordCount:
    """How often a word occurs. n_clips: clips that contain it"""

    word: str
    count: int
    n_clips: int


@dataclass(frozen=True)
class VocabularyStats:
    """Distinct words, most frequent first. n_words: total; n_once: words that occur only once"""

    words: tuple[WordCount, ...]
    n_words: int
    n_once: int

    @property
    def once_ratio(self) -> float:
        """Ratio of the distinct words that occur only once, 0 to 1; 0 if there are none."""
        return self.n_once / max(len(self.words), 1)


@dataclass(frozen=True)
class Histogram:
    """A histogram with evenly spaced bins.

    edges: of the bins, one more than there are bins
    counts: by bin; a value on the edge of two bins counts in the upper one
    n_above: outliers above the last edge
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    n_above: int


def frame(clips: Sequence[DatasetClip]) -> pd.DataFrame:
    """A data frame with a row per clip, in order, with the default index.

    Columns: clip (the file name), text, duration (s), words, characters, rate (characters per
    second), split, speaker, language, status. Unknown durations are NaN, as are the rates of clips
    without duration or text.
    """
    texts = [clip.transcription for clip in clips]
    duration = np.array([clip.duration_s for clip in clips], float)  # None is NaN
    characters = np.array([len(text) for text in texts], int)
    with np.errstate(divide="ignore"):  # a clip of 0 s has an infinite rate
        rate = np.where(characters > 0, characters / duration, np.nan)
    labels = ("split", "speaker", "language", "status")
    return pd.DataFrame(
        {
            "clip": _column([clip.file_name for clip in clips]),
            "text": _column(texts),
            "duration": duration,
            "words": np.array([len(text.split()) for text in texts], int),
            "characters": characters,
            "rate": rate,
            **{name: _column([getattr(clip, name) for clip in clips]) for name in labels},
        }
    )


def with_predictions(
    table: pd.DataFrame, predictions: Mapping[str, Prediction], *, normalizer: Normalizer = BASIC
) -> pd.DataFrame:
    """Add columns prediction, confidence, wer and cer to a table of `frame`.

    predictions: by file name, from `lab.dataset.predictions.load`
    normalizer: applied to both texts before they are compared

    Clips without a prediction have "" and NaN; clips without a text have no error rates.
    """
    found = [predictions.get(clip) for clip in table["clip"]]
    texts = [prediction.text if prediction else "" for prediction in found]
    scored = [row for row, text in enumerate(table["text"]) if text and found[row]]
    wer, cer = np.full(len(table), np.nan), np.full(len(table), np.nan)
    references = table["text"].iloc[scored].tolist()
    scores = score_each(references, [texts[row] for row in scored], normalizer)
    wer[scored] = [score.wer for score in scores]
    cer[scored] = [score.cer for score in scores]
    confidence = np.array([one.confidence if one else np.nan for one in found], float)
    return table.assign(prediction=_column(texts), confidence=confidence, wer=wer, cer=cer)


def summary(table: pd.DataFrame) -> DatasetSummary:
    """Compute the totals of a table of `frame`."""
    kept = table[table["status"] != EXCLUDED]
    total = _split_summary("", kept)
    return DatasetSummary(
        n_clips=len(table),
        n_excluded=len(table) - len(kept),
        n_with_text=total.n_with_text,
        n_corrected=int((kept["status"] == CORRECTED).sum()),
        n_speakers=total.n_speakers,
        duration_s=total.duration_s,
        n_without_duration=int(kept["duration"].isna().sum()),
        splits=tuple(
            _split_summary(name, part)
            for name in (*SPLITS, "")
            if len(part := kept[kept["split"] == name])
        ),
    )


def _split_summary(name: str, table: pd.DataFrame) -> SplitSummary:
    return SplitSummary(
        name=name,
        n_clips=len(table),
        n_with_text=int((table["text"] != "").sum()),
        n_speakers=int(table.loc[table["speaker"] != "", "speaker"].nunique()),
        duration_s=float(table["duration"].sum()),
    )


def alphabet(texts: Iterable[str]) -> list[CharacterCount]:
    """Count the characters of the texts, most frequent first."""
    counts, clips = _count_tokens(texts)
    return [
        CharacterCount(char, unicodedata.name(char, f"U+{ord(char):04X}"), count, clips[char])
        for char, count in counts.most_common()
    ]


def vocabulary(texts: Iterable[str], *, normalizer: Normalizer = BASIC) -> VocabularyStats:
    """Count the words of the normalized texts, most frequent first."""
    counts, clips = _count_tokens(normalizer(text).split() for text in texts)
    return VocabularyStats(
        tuple(WordCount(word, count, clips[word]) for word, count in counts.most_common()),
        n_words=counts.total(),
        n_once=sum(count == 1 for count in counts.values()),
    )


def _count_tokens(texts: Iterable[Iterable[str]]) -> tuple[Counter[str], Counter[str]]:
    """How often each character or word occurs, and in how many texts."""
    counts: Counter[str] = Counter()
    clips: Counter[str] = Counter()
    for tokens in texts:
        counts.update(tokens)
        clips.update(set(tokens))
    return counts, clips


def histogram(values: ArrayLike) -> Histogram:
    """Compute the histogram of durations or rates.

    values: 0 or more, shape (n,); NaN and infinite values are ignored

    Bins start at 0; their width is 1, 2, 2.5 or 5 times a power of ten, chosen for at most 40 bins.
    """
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    if not known.size:
        return Histogram((0.0, 1.0), (0,), 0)
    shown = min(float(known.max()), _MARGIN * float(np.quantile(known, _QUANTILE)))
    width = _round_up(max(shown / _MAX_BINS, _MIN_BIN_WIDTH))
    edges = width * np.arange(math.floor(shown / width) + 2)
    counts, _ = np.histogram(known[known < edges[-1]], edges)
    n_above = int((known >= edges[-1]).sum())
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()), n_above)


def _round_up(width: float) -> float:
    """The smallest round number that is not less than `width`."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in _ROUND_STEPS if step * power >= width * (1 - 1e-9))


def _column(texts: list[str]) -> "pd.Series[str]":
    return pd.Series(texts, dtype="str")
