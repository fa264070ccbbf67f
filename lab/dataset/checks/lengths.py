"""Checks of lengths: clips, and texts beside them."""

from collections.abc import Mapping

import numpy as np

from lab.dataset.checks.known import MAX_S, MIN_S
from lab.dataset.checks.texts import Hits

# Of any language: hurried speech has some 20 characters a second, auctioneers fewer than 30.
_FASTEST = 30.0
# Iglewicz and Hoaglin, How to detect and handle outliers (1993): modified z-scores over 3.5.
_MAX_SCORE = 3.5
_SIGMA_OF_MAD = 1.4826  # of a normal distribution
# Alike as voices of one set may be, a rate within a factor of 1.7 of the usual one is no outlier.
_MIN_SIGMA = 0.15
_MIN_CLIPS = 20  # for a usual rate


def too_long(durations_s: Mapping[str, float]) -> Hits:
    """Clips that are longer than Whisper hears."""
    return {name: f"{length:.1f} s" for name, length in durations_s.items() if length > MAX_S}


def too_short(durations_s: Mapping[str, float]) -> Hits:
    """Clips with hardly a word in them."""
    return {name: f"{length:.2f} s" for name, length in durations_s.items() if length < MIN_S}


def odd_rates(texts: Mapping[str, str], durations_s: Mapping[str, float]) -> tuple[Hits, Hits]:
    """Clips with too much text for their length, and with too little.

    texts: of one language; those that are empty, and clips under 1 s, are not judged

    The logarithm of characters per second is compared with the median; what is more than 3.5
    standard deviations off is odd, with the median absolute deviation in the standard deviation's
    place, since outliers do not move it. So slow and fast languages, and scripts with a character
    for a word, are each judged by themselves. More than 30 characters a second is odd anywhere.
    """
    names = [name for name, text in texts.items() if text and durations_s.get(name, 0.0) >= MIN_S]
    if not names:
        return {}, {}
    rates = np.array([len(texts[name]) / durations_s[name] for name in names])
    scores = np.zeros(len(rates))
    if len(rates) >= _MIN_CLIPS:
        logs = np.log(rates)
        off = logs - np.median(logs)
        scores = off / max(_SIGMA_OF_MAD * float(np.median(np.abs(off))), _MIN_SIGMA)

    def hits(odd: np.ndarray) -> Hits:
        places = np.flatnonzero(odd).tolist()
        return {names[place]: f"{rates[place]:.1f} characters a second" for place in places}

    return hits((scores > _MAX_SCORE) | (rates > _FASTEST)), hits(scores < -_MAX_SCORE)
