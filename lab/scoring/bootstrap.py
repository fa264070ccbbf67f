"""Is one model better than another, or is the difference due to the choice of test clips?

M. Bisani and H. Ney, “Bootstrap estimates for confidence intervals in ASR performance evaluation”,
ICASSP 2004: the test set is resampled many times, clip by clip with replacement, and both models
are scored on the same samples. Clips are assumed to be independent; with few speakers the interval
is somewhat too narrow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.core.errors import OptionsError
from lab.scoring.alignment import Counts

_CONFIDENCE_LEVEL = 0.95
_VALUES_AT_ONCE = 1 << 22  # keeps memory below 100 MB
_MIN_CLIPS = 10  # fewer have too few different samples


@dataclass(frozen=True)
class Comparison:
    """How much the error rate of model B differs from that of model A on the same clips.

    rate_a, rate_b: error rates of the whole set
    difference: rate_b - rate_a, negative if B is better
    low, high: 95 % confidence interval of the difference
    probability_of_improvement: share of the samples in which B makes fewer errors than A, 0 to 1
    n_clips: size of the set
    """

    rate_a: float
    rate_b: float
    difference: float
    low: float
    high: float
    probability_of_improvement: float
    n_clips: int

    @property
    def is_significant(self) -> bool:
        """Whether the difference is unlikely to be due to chance."""
        return self.n_clips >= _MIN_CLIPS and not self.low <= 0 <= self.high

    def sentence(self, unit: str = "words") -> str:
        """The result for people, such as “Better, and statistically significant: …”.

        unit: what was counted
        """
        clips = "1 clip" if self.n_clips == 1 else f"{self.n_clips} clips"
        if self.difference == 0:
            return f"No difference: the same number of errors on {clips}."
        verdict, fewer, sign = (
            ("Better", "fewer", -1) if self.difference < 0 else ("Worse", "more", 1)
        )
        errors = f"{100 * abs(self.difference):.1f} {fewer} errors per 100 {unit}"
        if self.n_clips < _MIN_CLIPS:
            return (
                f"{verdict}, but on {clips} this may be due to chance: {errors}. "
                f"Test at least {_MIN_CLIPS}."
            )
        low, high = sorted((100 * sign * self.low, 100 * sign * self.high))
        return (
            f"{verdict}, {'and' if self.is_significant else 'but not'} statistically significant: "
            f"{errors} (95 % confidence interval {low:.1f} to {high:.1f}), on {clips}."
        )


def paired_bootstrap(
    counts_a: Sequence[Counts],
    counts_b: Sequence[Counts],
    *,
    n_samples: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Compare two models on the same clips.

    counts_a, counts_b: of the words (or characters) of each clip, for models A and B
    n_samples: how often the set is resampled
    seed: makes the interval reproducible

    Raises OptionsError without clips, or if the models were scored on different references.
    """
    lengths = np.array([counts.n_reference for counts in counts_a], np.int64)
    if lengths.tolist() != [counts.n_reference for counts in counts_b]:
        raise OptionsError("Models can only be compared on the same clips with the same texts.")
    if not (n_clips := len(lengths)):
        raise OptionsError("There are no clips to compare the models on.")
    errors_a, errors_b = (
        np.array([counts.errors for counts in side], np.int64) for side in (counts_a, counts_b)
    )
    gains = errors_b - errors_a
    # Equal clips are drawn together, from a multinomial distribution.
    groups, sizes = np.unique(np.stack([gains, lengths]), axis=1, return_counts=True)
    generator = np.random.default_rng(seed)
    differences = np.empty(n_samples)
    at_once = max(_VALUES_AT_ONCE // len(sizes), 1)
    for start in range(0, n_samples, at_once):
        n = min(at_once, n_samples - start)
        drawn = generator.multinomial(n_clips, sizes / n_clips, size=n)
        gain, n_reference = groups @ drawn.T
        differences[start : start + n] = gain / np.maximum(n_reference, 1)
    low, high = np.quantile(differences, [(1 - _CONFIDENCE_LEVEL) / 2, (1 + _CONFIDENCE_LEVEL) / 2])
    total = max(int(lengths.sum()), 1)
    return Comparison(
        rate_a=float(errors_a.sum() / total),
        rate_b=float(errors_b.sum() / total),
        difference=float(gains.sum() / total),
        low=float(low),
        high=float(high),
        probability_of_improvement=float((differences < 0).mean()),
        n_clips=n_clips,
    )
