"""Is one model better than another, or was it luck of the clips that it was tested on?

M. Bisani and H. Ney, “Bootstrap estimates for confidence intervals in ASR performance evaluation”,
ICASSP 2004: the test set is drawn anew many times, clip by clip with replacement, and both models
are scored on the same draws. What differs in nearly all of them is no luck. Clips are taken for
independent; with few speakers the interval is somewhat too narrow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.core.errors import OptionsError
from lab.scoring.alignment import Counts

_LEVEL = 0.95
_DRAWN_AT_ONCE = 1 << 22  # numbers, so that memory stays below 100 MB
_FEWEST_CLIPS = 10  # with fewer there are too few different draws to tell


@dataclass(frozen=True)
class Comparison:
    """How much the error rate of model B differs from that of model A on the same clips.

    rate_a, rate_b: error rates of the whole set
    difference: rate_b - rate_a, below 0 where B is better
    low, high: the interval that holds 95 % of the differences of all draws
    share_better: of the draws in which B makes fewer errors than A, 0 to 1
    n_clips: clips of the set
    """

    rate_a: float
    rate_b: float
    difference: float
    low: float
    high: float
    share_better: float
    n_clips: int

    @property
    def is_luck(self) -> bool:
        """Whether the difference may have come about by chance."""
        return self.n_clips < _FEWEST_CLIPS or self.low <= 0 <= self.high

    def sentence(self, unit: str = "words") -> str:
        """What came out, for people, such as “Better, and it is not luck: …”.

        unit: what was counted
        """
        clips = "1 clip" if self.n_clips == 1 else f"{self.n_clips} clips"
        if self.difference == 0:
            return f"No difference: as many errors in {clips} as before."
        is_better = self.difference < 0
        if self.n_clips < _FEWEST_CLIPS:
            return (
                f"{'Better' if is_better else 'Worse'}, but on {clips} that may be luck: "
                f"{100 * abs(self.difference):.1f} errors {'fewer' if is_better else 'more'} in "
                f"100 {unit}. Test at least {_FEWEST_CLIPS}."
            )
        sign = -1 if is_better else 1
        low, high = sorted((100 * sign * self.low, 100 * sign * self.high))
        return (
            f"{'Better' if is_better else 'Worse'}, "
            f"{'but it may be luck' if self.is_luck else 'and it is not luck'}: "
            f"{100 * abs(self.difference):.1f} errors {'fewer' if is_better else 'more'} in 100 "
            f"{unit} (with 95 % confidence {low:.1f} to {high:.1f}), on {clips}."
        )


def paired_bootstrap(
    counts_a: Sequence[Counts],
    counts_b: Sequence[Counts],
    *,
    n_draws: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Compare two models on the same clips.

    counts_a, counts_b: words (or characters) of each clip, of model A and of model B
    n_draws: how often the set is drawn anew
    seed: the same one gives the same interval

    Raises OptionsError if there is no clip, or if the two were not scored on the same references.
    """
    errors_a, errors_b, lengths = _arrays(counts_a, counts_b)
    n_clips = len(lengths)
    gains = errors_b - errors_a
    # Clips with equal figures are drawn together: how often, a multinomial distribution says.
    kinds, how_many = np.unique(np.stack([gains, lengths]), axis=1, return_counts=True)
    generator = np.random.default_rng(seed)
    differences = np.empty(n_draws)
    at_once = max(_DRAWN_AT_ONCE // len(how_many), 1)
    for begin in range(0, n_draws, at_once):
        size = min(at_once, n_draws - begin)
        drawn = generator.multinomial(n_clips, how_many / n_clips, size=size)
        gain, n_reference = kinds @ drawn.T
        differences[begin : begin + size] = gain / np.maximum(n_reference, 1)
    low, high = np.quantile(differences, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    total = max(int(lengths.sum()), 1)
    rate_a, rate_b = float(errors_a.sum() / total), float(errors_b.sum() / total)
    return Comparison(
        rate_a=rate_a,
        rate_b=rate_b,
        difference=float(gains.sum() / total),
        low=float(low),
        high=float(high),
        share_better=float((differences < 0).mean()),
        n_clips=n_clips,
    )


def _arrays(
    counts_a: Sequence[Counts], counts_b: Sequence[Counts]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Errors of A and of B and lengths of the references, a clip each."""
    lengths = [one.n_reference for one in counts_a]
    if lengths != [one.n_reference for one in counts_b]:
        raise OptionsError("Two models can only be compared on the same clips with the same texts.")
    if not lengths:
        raise OptionsError("There is no clip to compare the models on.")
    return (
        np.array([one.errors for one in counts_a], np.int64),
        np.array([one.errors for one in counts_b], np.int64),
        np.array(lengths, np.int64),
    )
