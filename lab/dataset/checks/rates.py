"""Check of texts against the durations of their clips."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lab.dataset.checks.registry import MIN_CLIP_S
from lab.dataset.checks.texts import Hits

# In any language: hurried speech has some 20 characters per second, auctioneers fewer than 30.
_MAX_RATE = 30.0
# Iglewicz and Hoaglin, How to detect and handle outliers (1993): modified z-scores over 3.5.
_MAX_SCORE = 3.5
_SIGMA_OF_MAD = 1.4826  # of a normal distribution
# However uniform the voices of a dataset, a rate within a factor of 1.7 of the median is accepted.
_MIN_SIGMA = 0.15
_MIN_CLIPS = 20  # for a meaningful median


def unusual_rates(texts: Mapping[str, str], durations_s: Mapping[str, float]) -> tuple[Hits, Hits]:
    """Clips with too much, and with too little text for their duration.

    texts: of one language; empty texts and clips under 1 s are ignored

    The logarithm of the rate in characters per second is compared with its median. Rates more than
    3.5 standard deviations away are reported; the standard deviation is estimated from the median
    absolute deviation, which outliers do not affect. This adapts to slow and fast languages, and to
    scripts with a character per word. More than 30 characters per second is always reported.
    """
    names = [
        name for name, text in texts.items() if text and durations_s.get(name, 0.0) >= MIN_CLIP_S
    ]
    if not names:
        return {}, {}
    rates = np.array([len(texts[name]) / durations_s[name] for name in names])
    scores = np.zeros(len(rates))
    if len(rates) >= _MIN_CLIPS:
        logs = np.log(rates)
        deviations = logs - np.median(logs)
        mad = float(np.median(np.abs(deviations)))
        scores = deviations / max(_SIGMA_OF_MAD * mad, _MIN_SIGMA)

    def hits(is_hit: NDArray[np.bool_]) -> Hits:
        indices = np.flatnonzero(is_hit).tolist()
        return {names[index]: f"{rates[index]:.1f} characters per second" for index in indices}

    return hits((scores > _MAX_SCORE) | (rates > _MAX_RATE)), hits(scores < -_MAX_SCORE)
