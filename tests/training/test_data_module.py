"""The order of the clips."""

from collections import Counter

import numpy as np
import pytest

from lab.training.schedule import BatchOrder, BatchPlan, PlanSampler

LENGTHS = tuple(range(100, 100 + 23))


def all_clips(plans: list[BatchPlan]) -> list[int]:
    return [clip for plan in plans for clip in plan.clips]


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_each_epoch_contains_every_clip_for_any_number_of_processes(
    world_size: int,
) -> None:
    order = BatchOrder(LENGTHS, batch_size=4, seed=1, world_size=world_size)
    for epoch in range(3):
        steps = range(epoch * order.steps_per_epoch, (epoch + 1) * order.steps_per_epoch)
        plans = [order.plan(step, rank=rank) for step in steps for rank in range(world_size)]
        counts = Counter(all_clips(plans))
        assert set(counts) == set(range(23))
        # If the batches do not divide evenly, the last step starts over with the first ones.
        assert sum(counts.values()) - 23 <= 4 * (world_size - 1)


def test_the_order_depends_on_the_seed_alone_and_epochs_differ() -> None:
    first, same, other = (BatchOrder(LENGTHS, 4, seed) for seed in (1, 1, 2))
    assert [first.plan(step) for step in range(12)] == [same.plan(step) for step in range(12)]
    assert first.epoch(0) != first.epoch(1)
    assert first.epoch(0) != other.epoch(0)


def test_clips_of_a_batch_have_similar_lengths() -> None:
    order = BatchOrder(tuple(range(1000)), batch_size=10, seed=0)
    spans = [max(batch) - min(batch) for batch in order.epoch(0)]
    assert np.median(spans) < 50  # by chance it would be 820


def test_a_resumed_run_continues_with_the_next_batch() -> None:
    order = BatchOrder(LENGTHS, batch_size=4, seed=1)
    whole = PlanSampler(order, steps_between_validations=9, n_done=0, rank=0)
    expected = list(whole)
    whole.set_epoch(1)
    expected += list(whole)
    resumed = PlanSampler(order, steps_between_validations=9, n_done=5, rank=0)
    rest = list(resumed)
    resumed.set_epoch(1)
    assert rest + list(resumed) == expected[5:]
    assert len(resumed) == 9
