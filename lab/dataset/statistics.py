"""A dataset in figures: a table to sort and filter, hours and speakers, letters and words."""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lab.dataset.predictions import Prediction
from lab.dataset.table import CORRECTED, EXCLUDED, SPLITS, Entry
from lab.scoring import BASIC, Normaliser, score_each

_MOST_BINS = 40
_FINEST = 1e-3
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # that a person can read on an axis
# A few clips with the text of another one must not press all others into one bar.
_SHOWN_QUANTILE, _SHOWN_MARGIN = 0.99, 1.5


@dataclass(frozen=True)
class SplitSummary:
    """Clips of a split that are not excluded. name: "" for those that are in none"""

    name: str
    n_clips: int
    n_with_text: int
    n_speakers: int
    duration_s: float


@dataclass(frozen=True)
class Summary:
    """Figures of a dataset. Excluded clips count in `n_clips` and `n_excluded` only.

    duration_s: of the clips whose length is known
    n_without_length: clips whose length nobody knows
    n_speakers: that have a name
    splits: train, validation, test and "", as far as they have clips
    """

    n_clips: int
    n_excluded: int
    n_with_text: int
    n_corrected: int
    n_speakers: int
    duration_s: float
    n_without_length: int
    splits: tuple[SplitSummary, ...]

    @property
    def hours(self) -> float:
        return self.duration_s / 3600


@dataclass(frozen=True)
class Letter:
    """A character of the texts. n_clips: in how many it occurs; name: as Unicode has it"""

    character: str
    name: str
    count: int
    n_clips: int


@dataclass(frozen=True)
class VocabularyWord:
    """A word of the texts. n_clips: in how many it occurs"""

    word: str
    count: int
    n_clips: int


@dataclass(frozen=True)
class Vocabulary:
    """All words, the most frequent first. n_words: running words; n_once: words that occur once"""

    words: tuple[VocabularyWord, ...]
    n_words: int
    n_once: int

    @property
    def share_once(self) -> float:
        """Of the different words, how many occur once, 0 to 1; 0 where there is none."""
        return self.n_once / max(len(self.words), 1)


@dataclass(frozen=True)
class Histogram:
    """How many values lie where.

    edges: of the bins, one more than there are bins, evenly spaced
    counts: a value on the edge of two bins counts in the upper one
    n_above: values over the last edge, where a few lie far away from all others
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    n_above: int


def frame(entries: Sequence[Entry]) -> pd.DataFrame:
    """A row for each clip, in their order; the index is its place.

    Columns: clip (the file name), text, duration (s), words, characters, rate (characters a
    second), split, speaker, language, status. What is not known is NaN: the duration, and the rate
    of clips without duration or text.
    """
    texts = [entry.transcription for entry in entries]
    duration = np.array([entry.duration_s for entry in entries], float)  # None is NaN
    characters = np.array([len(text) for text in texts], int)
    with np.errstate(divide="ignore"):  # a clip of 0 s has an infinite rate
        rate = np.where(characters > 0, characters / duration, np.nan)
    return pd.DataFrame(
        {
            "clip": _column([entry.file_name for entry in entries]),
            "text": _column(texts),
            "duration": duration,
            "words": np.array([len(text.split()) for text in texts], int),
            "characters": characters,
            "rate": rate,
            "split": _column([entry.split for entry in entries]),
            "speaker": _column([entry.speaker for entry in entries]),
            "language": _column([entry.language for entry in entries]),
            "status": _column([entry.status for entry in entries]),
        }
    )


def with_predictions(
    table: pd.DataFrame, predictions: Mapping[str, Prediction], *, normaliser: Normaliser = BASIC
) -> pd.DataFrame:
    """The table of `frame` with what a model heard: columns prediction, confidence, wer and cer.

    predictions: by file name, as `lab.dataset.predictions.load` gives them
    normaliser: applied to both texts before they are compared

    Clips without a prediction have "" and NaN; clips without a text have no error rates.
    """
    heard = [predictions.get(clip) for clip in table["clip"]]
    texts = [one.text if one else "" for one in heard]
    scored = [place for place, text in enumerate(table["text"]) if text and heard[place]]
    wer, cer = np.full(len(table), np.nan), np.full(len(table), np.nan)
    references = table["text"].iloc[scored].tolist()
    scores = score_each(references, [texts[place] for place in scored], normaliser)
    wer[scored] = [one.wer for one in scores]
    cer[scored] = [one.cer for one in scores]
    confidence = np.array([one.confidence if one else np.nan for one in heard], float)
    return table.assign(prediction=_column(texts), confidence=confidence, wer=wer, cer=cer)


def summary(table: pd.DataFrame) -> Summary:
    """The figures of a table of `frame`."""
    kept = table[table["status"] != EXCLUDED]
    return Summary(
        n_clips=len(table),
        n_excluded=len(table) - len(kept),
        n_with_text=int((kept["text"] != "").sum()),
        n_corrected=int((kept["status"] == CORRECTED).sum()),
        n_speakers=_n_speakers(kept),
        duration_s=float(kept["duration"].sum()),
        n_without_length=int(kept["duration"].isna().sum()),
        splits=tuple(
            SplitSummary(
                name=name,
                n_clips=len(part),
                n_with_text=int((part["text"] != "").sum()),
                n_speakers=_n_speakers(part),
                duration_s=float(part["duration"].sum()),
            )
            for name in (*SPLITS, "")
            if len(part := kept[kept["split"] == name])
        ),
    )


def alphabet(texts: Iterable[str]) -> list[Letter]:
    """All characters of the texts, the most frequent first."""
    counts: Counter[str] = Counter()
    clips: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
        clips.update(set(text))
    return [
        Letter(character, unicodedata.name(character, _code(character)), count, clips[character])
        for character, count in counts.most_common()
    ]


def vocabulary(texts: Iterable[str], *, normaliser: Normaliser = BASIC) -> Vocabulary:
    """All words of the texts, as `normaliser` writes them."""
    counts: Counter[str] = Counter()
    clips: Counter[str] = Counter()
    for text in texts:
        words = normaliser(text).split()
        counts.update(words)
        clips.update(set(words))
    return Vocabulary(
        tuple(VocabularyWord(word, count, clips[word]) for word, count in counts.most_common()),
        n_words=counts.total(),
        n_once=sum(count == 1 for count in counts.values()),
    )


def histogram(values: ArrayLike) -> Histogram:
    """How lengths or rates are distributed.

    values: 0 or more, shape (n,); what is not finite is left out

    The bins begin at 0 and are as wide as 1, 2, 2.5 or 5 times a power of ten, at most 40 of them.
    """
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    if not known.size:
        return Histogram((0.0, 1.0), (0,), 0)
    shown = min(float(known.max()), _SHOWN_MARGIN * float(np.quantile(known, _SHOWN_QUANTILE)))
    width = _round_step(max(shown / _MOST_BINS, _FINEST))
    edges = width * np.arange(math.floor(shown / width) + 2)
    counts, _ = np.histogram(known[known < edges[-1]], edges)
    n_above = int((known >= edges[-1]).sum())
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()), n_above)


def _round_step(least: float) -> float:
    """The smallest round width that is not smaller than `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in _STEPS if step * power >= least * (1 - 1e-9))


def _column(texts: list[str]) -> "pd.Series[str]":
    return pd.Series(texts, dtype="str")


def _n_speakers(table: pd.DataFrame) -> int:
    return int(table.loc[table["speaker"] != "", "speaker"].nunique())


def _code(character: str) -> str:
    return f"U+{ord(character):04X}"
