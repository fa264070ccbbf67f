"""Which clips form which batch, in which order, and how far a training is.

It depends on the seed alone, so that a run can be resumed anywhere. Clips of similar length share a
batch, which saves padding.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytorch_lightning as pl
from torch.utils.data import Sampler

from lab.training.config import Config

# Clips are sorted by length within this many batches; more mean less padding and less randomness.
_BATCHES_PER_BUCKET = 32


@dataclass(frozen=True)
class BatchPlan:
    """A batch to be made. clips: their indices; seed: for all random choices within the batch"""

    clips: tuple[int, ...]
    seed: tuple[int, int, int]


@dataclass(frozen=True)
class BatchOrder:
    """The order of the clips of a training.

    lengths: of the clips, in any unit
    world_size: number of processes; in each step, each takes another batch of the epoch
    """

    lengths: tuple[int, ...]
    batch_size: int
    seed: int
    world_size: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Batches per process and epoch."""
        return -(-self._n_batches // self.world_size)

    @property
    def _n_batches(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def plan(self, step: int, *, rank: int = 0) -> BatchPlan:
        """The batch of the process `rank` at a step, counted from 0 over all epochs."""
        epoch, step_in_epoch = divmod(step, self.steps_per_epoch)
        index = (step_in_epoch * self.world_size + rank) % self._n_batches
        return BatchPlan(self.epoch(epoch)[index], (self.seed, epoch, index))

    def epoch(self, epoch: int) -> Sequence[tuple[int, ...]]:
        """All batches of an epoch, in order; each clip is in one of them."""
        return _epoch(self, epoch)


@lru_cache(maxsize=2)
def _epoch(order: BatchOrder, epoch: int) -> Sequence[tuple[int, ...]]:
    rng = np.random.default_rng((order.seed, epoch))
    shuffled = rng.permutation(len(order.lengths))
    bucket_size = order.batch_size * _BATCHES_PER_BUCKET
    batches = []
    for start in range(0, len(shuffled), bucket_size):
        bucket = sorted(shuffled[start : start + bucket_size], key=lambda clip: order.lengths[clip])
        for first in range(0, len(bucket), order.batch_size):
            batches.append(tuple(int(clip) for clip in bucket[first : first + order.batch_size]))
    return [batches[index] for index in rng.permutation(len(batches))]


class PlanSampler(Sampler[BatchPlan]):
    """The batches between two validations, which are an epoch for Lightning.

    Lightning calls `set_epoch` before each. A resumed run continues within the interval in which it
    was interrupted.
    """

    def __init__(
        self, order: BatchOrder, *, steps_between_validations: int, n_done: int, rank: int
    ) -> None:
        """n_done: number of steps taken before resuming"""
        self._order, self._rank = order, rank
        self._n_steps, self._n_done = steps_between_validations, n_done
        self._interval = n_done // steps_between_validations

    def set_epoch(self, epoch: int) -> None:
        self._interval = epoch

    def __len__(self) -> int:
        return self._n_steps

    def __iter__(self) -> Iterator[BatchPlan]:
        first = self._interval * self._n_steps
        for step in range(max(first, self._n_done), first + self._n_steps):
            yield self._order.plan(step, rank=self._rank)


@dataclass(frozen=True)
class Schedule:
    """The number of batches of a training.

    Validations are evenly spaced, with one at the end. Where that does not divide the epochs
    exactly, the training is slightly longer.
    """

    steps_per_epoch: int
    steps_between_validations: int
    n_validations: int

    @property
    def total_steps(self) -> int:
        return self.steps_between_validations * self.n_validations


def batch_order(lengths: Iterable[int], config: Config) -> BatchOrder:
    """The batches of a training. lengths: of the clips, in any unit"""
    world_size = config.devices * config.num_nodes
    return BatchOrder(tuple(lengths), config.batch_size, config.seed, world_size)


def training_schedule(order: BatchOrder, config: Config) -> Schedule:
    """The steps and validations of a training."""
    total = order.steps_per_epoch * config.epochs
    wanted = config.validate_every_steps or order.steps_per_epoch
    n_validations = max(round(total / wanted), 1)
    return Schedule(order.steps_per_epoch, -(-total // n_validations), n_validations)


def steps_done(trainer: pl.Trainer) -> int:
    """Number of training batches so far, including those before resuming."""
    return trainer.fit_loop.total_batch_idx + 1
