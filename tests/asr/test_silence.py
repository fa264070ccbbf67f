"""A few positions stand for all the silence of a window."""

import pytest
import torch

from lab.asr.audio_context import DRAWN, log_counts, places_after


@pytest.mark.parametrize("near", [1, 50, 230, 900, 1439])
def test_the_drawn_positions_are_spread_over_all_and_count_for_all(near: int) -> None:
    places = places_after(near, 1500)
    counts = log_counts(near + DRAWN, 1500)
    assert len(places) == DRAWN
    assert counts is not None
    counts = counts.exp()
    assert counts[:near].eq(1).all()
    ends = near + counts[near:].cumsum(0).round().long()
    assert ends[-1] == 1500
    assert (places < ends).all()
    assert (places >= ends - counts[near:].round()).all()
    assert counts[near:].max() <= counts[near:].min() + 1.5  # evenly


def test_what_listening_asked_for_first_is_fit_for_a_training() -> None:
    with torch.inference_mode():
        asked = [log_counts(777, 1500), places_after(777, 1500)]
    assert not any(one is None or one.is_inference() for one in asked)


@pytest.mark.parametrize("near", [1440, 1450, 1499])
def test_what_is_little_stands_for_itself(near: int) -> None:
    assert places_after(near, 1500).tolist() == list(range(near, 1500))
    assert log_counts(1500, 1500) is None
