"""Better, or luck?"""

import numpy as np
import pytest

from lab.core.errors import OptionsError
from lab.scoring import Counts, paired_bootstrap


def clips(errors: list[int], *, length: int = 10) -> list[Counts]:
    return [Counts(hits=length - wrong, substitutions=wrong) for wrong in errors]


def test_the_interval_is_that_of_the_mean_of_many_clips() -> None:
    generator = np.random.default_rng(1)
    before = generator.integers(0, 6, 400)
    after = generator.integers(0, 5, 400)
    found = paired_bootstrap(clips([*map(int, before)]), clips([*map(int, after)]))
    gains = (after - before) / 10
    spread = gains.std() / np.sqrt(400)
    assert found.difference == pytest.approx(gains.mean())
    assert found.low == pytest.approx(gains.mean() - 1.96 * spread, abs=0.1 * spread)
    assert found.high == pytest.approx(gains.mean() + 1.96 * spread, abs=0.1 * spread)
    assert found.rate_b - found.rate_a == pytest.approx(found.difference)
    assert paired_bootstrap(clips([1, 2] * 9), clips([2, 0] * 9)) == paired_bootstrap(
        clips([1, 2] * 9), clips([2, 0] * 9)
    )


def test_clips_are_paired() -> None:
    """Every clip is better by one error: however much the clips differ, that is no luck."""
    before = [1, 9, 5, 2, 8] * 4
    found = paired_bootstrap(clips(before), clips([wrong - 1 for wrong in before]))
    assert (found.low, found.high) == pytest.approx((-0.1, -0.1))
    assert found.share_better == 1
    assert found.sentence() == (
        "Better, and it is not luck: 10.0 errors fewer in 100 words "
        "(with 95 % confidence 10.0 to 10.0), on 20 clips."
    )


def test_what_may_be_luck_is_called_so() -> None:
    found = paired_bootstrap(clips([3, 1] * 10), clips([1, 4] * 10))
    assert found.is_luck
    assert found.sentence().startswith("Worse, but it may be luck: 5.0 errors more in 100 words")
    few = paired_bootstrap(clips([9] * 3), clips([1] * 3))
    assert few.low == few.high < 0
    assert few.is_luck
    assert "on 3 clips that may be luck" in few.sentence()
    assert "confidence" not in few.sentence()
    same = paired_bootstrap(clips([3, 1]), clips([1, 3]))
    assert "No difference" in same.sentence()


def test_only_the_same_clips_are_compared() -> None:
    with pytest.raises(OptionsError, match="same clips"):
        paired_bootstrap(clips([1, 2]), clips([1]))
    with pytest.raises(OptionsError, match="no clip"):
        paired_bootstrap([], [])
