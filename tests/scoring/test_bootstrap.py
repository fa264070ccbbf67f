"""Comparing two models: better, or due to chance?"""

import numpy as np
import pytest

from lab.core.errors import OptionsError
from lab.scoring import Counts, paired_bootstrap


def clips(errors: list[int], *, length: int = 10) -> list[Counts]:
    return [Counts(hits=length - wrong, substitutions=wrong) for wrong in errors]


def test_for_many_clips_the_interval_is_that_of_the_mean() -> None:
    generator = np.random.default_rng(1)
    before = generator.integers(0, 6, 400)
    after = generator.integers(0, 5, 400)
    comparison = paired_bootstrap(clips([*map(int, before)]), clips([*map(int, after)]))
    gains = (after - before) / 10
    spread = gains.std() / np.sqrt(400)
    assert comparison.difference == pytest.approx(gains.mean())
    assert comparison.low == pytest.approx(gains.mean() - 1.96 * spread, abs=0.1 * spread)
    assert comparison.high == pytest.approx(gains.mean() + 1.96 * spread, abs=0.1 * spread)
    assert comparison.rate_b - comparison.rate_a == pytest.approx(comparison.difference)
    assert paired_bootstrap(clips([1, 2] * 9), clips([2, 0] * 9)) == paired_bootstrap(
        clips([1, 2] * 9), clips([2, 0] * 9)
    )


def test_clips_are_paired() -> None:
    """Each clip has one error fewer, which is significant however much the clips differ."""
    before = [1, 9, 5, 2, 8] * 4
    comparison = paired_bootstrap(clips(before), clips([wrong - 1 for wrong in before]))
    assert (comparison.low, comparison.high) == pytest.approx((-0.1, -0.1))
    assert comparison.probability_of_improvement == 1
    assert comparison.sentence() == (
        "Better, and statistically significant: 10.0 fewer errors per 100 words "
        "(95 % confidence interval 10.0 to 10.0), on 20 clips."
    )


def test_what_may_be_chance_is_called_not_significant() -> None:
    comparison = paired_bootstrap(clips([3, 1] * 10), clips([1, 4] * 10))
    assert not comparison.is_significant
    assert comparison.sentence().startswith(
        "Worse, but not statistically significant: 5.0 more errors"
    )
    few = paired_bootstrap(clips([9] * 3), clips([1] * 3))
    assert few.low == few.high < 0
    assert not few.is_significant
    assert "on 3 clips this may be due to chance" in few.sentence()
    assert "confidence" not in few.sentence()
    same = paired_bootstrap(clips([3, 1]), clips([1, 3]))
    assert "No difference" in same.sentence()


def test_only_the_same_clips_are_compared() -> None:
    with pytest.raises(OptionsError, match="same clips"):
        paired_bootstrap(clips([1, 2]), clips([1]))
    with pytest.raises(OptionsError, match="no clips"):
        paired_bootstrap([], [])
