"""Which clips come when."""

from collections import Counter

import numpy as np
import pytest

from lab.training.order import Order, Plan, Steps

LENGTHS = tuple(range(100, 100 + 23))


def all_clips(plans: list[Plan]) -> list[int]:
    return [clip for plan in plans for clip in plan.clips]


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_each_clip_comes_in_each_epoch_whatever_number_of_processes_share_it(
    world_size: int,
) -> None:
    order = Order(LENGTHS, batch_size=4, seed=1, world_size=world_size)
    for epoch in range(3):
        steps = range(epoch * order.steps_per_epoch, (epoch + 1) * order.steps_per_epoch)
        plans = [order.plan(step, rank=rank) for step in steps for rank in range(world_size)]
        counts = Counter(all_clips(plans))
        assert set(counts) == set(range(23))
        # Where the batches do not divide evenly, the last step begins again with the first.
        assert sum(counts.values()) - 23 <= 4 * (world_size - 1)


def test_the_seed_alone_decides_and_epochs_differ() -> None:
    first, same, other = (Order(LENGTHS, 4, seed) for seed in (1, 1, 2))
    assert [first.plan(step) for step in range(12)] == [same.plan(step) for step in range(12)]
    assert first.epoch(0) != first.epoch(1)
    assert first.epoch(0) != other.epoch(0)


def test_a_batch_holds_clips_of_about_one_length() -> None:
    order = Order(tuple(range(1000)), batch_size=10, seed=0)
    spans = [max(batch) - min(batch) for batch in order.epoch(0)]
    assert np.median(spans) < 50  # by chance it would be 820


def test_a_resumed_run_goes_on_with_the_next_batch() -> None:
    order = Order(LENGTHS, batch_size=4, seed=1)
    whole = Steps(order, steps_per_round=9, resume_at=0, rank=0)
    expected = list(whole)
    whole.set_epoch(1)
    expected += list(whole)
    resumed = Steps(order, steps_per_round=9, resume_at=5, rank=0)
    rest = list(resumed)
    resumed.set_epoch(1)
    assert rest + list(resumed) == expected[5:]
    assert len(resumed) == 9
