"""Which clips are learned from at which step: by the seed alone, so that a run can go on anywhere.

Clips of about one length share a batch, or the shorter ones would be mostly padding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from torch.utils.data import Sampler

# Batches among which clips are sorted by length; the more, the less padding and the less chance.
_SORTED_TOGETHER = 32


@dataclass(frozen=True)
class Plan:
    """A batch that is to be made. clips: numbers; draws: seeds all else that is left to chance."""

    clips: tuple[int, ...]
    draws: tuple[int, int, int]


@dataclass(frozen=True)
class Order:
    """The batches of a training.

    lengths: of the clips, in any unit
    world_size: processes that share the batches of an epoch, each taking another one at a step
    """

    lengths: tuple[int, ...]
    batch_size: int
    seed: int
    world_size: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Batches that each process sees in an epoch."""
        return -(-self._n_batches // self.world_size)

    @property
    def _n_batches(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def plan(self, step: int, *, rank: int = 0) -> Plan:
        """What the process `rank` learns from at a step, counted from 0 over all epochs."""
        epoch, within = divmod(step, self.steps_per_epoch)
        number = (within * self.world_size + rank) % self._n_batches
        return Plan(self.epoch(epoch)[number], (self.seed, epoch, number))

    def epoch(self, number: int) -> Sequence[tuple[int, ...]]:
        """All batches of an epoch, in their order; each clip is in one of them."""
        return _epoch(self, number)


@lru_cache(maxsize=2)
def _epoch(order: Order, number: int) -> Sequence[tuple[int, ...]]:
    rng = np.random.default_rng((order.seed, number))
    mixed = rng.permutation(len(order.lengths))
    together = order.batch_size * _SORTED_TOGETHER
    batches = []
    for start in range(0, len(mixed), together):
        part = sorted(mixed[start : start + together], key=lambda clip: order.lengths[clip])
        for begin in range(0, len(part), order.batch_size):
            batches.append(tuple(int(clip) for clip in part[begin : begin + order.batch_size]))
    return [batches[place] for place in rng.permutation(len(batches))]


class Steps(Sampler[Plan]):
    """The plans of a round, which is what lies between two validations.

    Lightning says by `set_epoch` which round comes. The round in which a run is resumed goes on
    where it was.
    """

    def __init__(self, order: Order, *, steps_per_round: int, resume_at: int, rank: int) -> None:
        """resume_at: how many steps are done"""
        self._order, self._rank = order, rank
        self._steps_per_round, self._resume_at = steps_per_round, resume_at
        self._round = resume_at // steps_per_round

    def set_epoch(self, epoch: int) -> None:
        self._round = epoch

    def __len__(self) -> int:
        return self._steps_per_round

    def __iter__(self) -> Iterator[Plan]:
        begin = self._round * self._steps_per_round
        for step in range(max(begin, self._resume_at), begin + self._steps_per_round):
            yield self._order.plan(step, rank=self._rank)
