"""The batches of a training, and their loaders for Lightning.

Which clips are in which batch depends on the seed alone, so that a run can be resumed anywhere.
Clips of similar length share a batch, which saves padding.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset, Sampler
from whisper.audio import N_SAMPLES_PER_TOKEN
from whisper.model import ModelDimensions

from lab.training.augment import augment_waveform, spec_augment
from lab.training.batching import Batch, Collator, LabeledMel
from lab.training.config import Augmentation, Config
from lab.training.prepared_examples import PreparedClips, PreparedExamples, log_mel

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


class ClipBatches(Dataset[Batch]):
    """Makes planned batches of clips, with augmentation."""

    def __init__(self, clips: PreparedClips, dims: ModelDimensions, config: Config) -> None:
        self._clips, self._config, self._n_mels = clips, config, dims.n_mels
        self._collator = Collator(dims, max_tokens=config.max_tokens)
        # A clip that is slowed down still has to fit into the encoder.
        self._max_samples = min(config.max_audio_samples, N_SAMPLES_PER_TOKEN * dims.n_audio_ctx)

    def __getitem__(self, plan: BatchPlan) -> Batch:
        rng = np.random.default_rng(plan.seed)
        long_form = rng.random() < self._config.long_form_ratio
        return self.batch(plan.clips, long_form=long_form, rng=rng)

    def batch(
        self, indices: Sequence[int], *, long_form: bool, rng: np.random.Generator | None = None
    ) -> Batch:
        """The batch of the clips at `indices`."""
        rng = rng or np.random.default_rng(0)
        return self._collator.collate(
            [self._augmented(index, rng) for index in indices],
            long_form=long_form,
            timestamp_ratio=self._config.timestamp_ratio,
            rng=rng,
        )

    def _augmented(self, index: int, rng: np.random.Generator) -> LabeledMel:
        clip, augmentation = self._clips.clips[index], self._config.augmentation
        if self._clips.are_waveforms:
            samples = augment_waveform(
                self._clips.samples(index), augmentation, rng, max_samples=self._max_samples
            )
            mel = log_mel(samples, self._n_mels)
        else:
            mel = self._clips.mel(index)
        if augmentation.time_masks or augmentation.frequency_masks:
            mel = spec_augment(mel, augmentation, rng)
        return LabeledMel(mel, clip.text, clip.language)


class ClipDataModule(pl.LightningDataModule):
    """The loaders of a run; knows how many steps a resumed run has taken."""

    def __init__(self, examples: PreparedExamples, dims: ModelDimensions, config: Config) -> None:
        super().__init__()
        self._examples, self._dims, self._config = examples, dims, config
        order = batch_order((clip.length for clip in examples.train.clips), config)
        self.schedule = training_schedule(order, config)
        self._order, self._n_done = order, 0

    def train_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None
        sampler = PlanSampler(
            self._order,
            steps_between_validations=self.schedule.steps_between_validations,
            n_done=self._n_done,
            rank=self.trainer.global_rank,
        )
        return self._loader(self._examples.train, sampler, self._config)

    def val_dataloader(self) -> DataLoader[Batch]:
        """All validation clips, sorted by length, each unchanged and at its own length."""
        clips, size = self._examples.validation, self._config.batch_size
        indices = sorted(range(len(clips.clips)), key=lambda index: clips.clips[index].length)
        batches = [indices[start : start + size] for start in range(0, len(indices), size)]
        plans = [BatchPlan(tuple(batch), (0, 0, 0)) for batch in batches]
        no_augmentation = replace(
            self._config, long_form_ratio=0.0, timestamp_ratio=0.0, augmentation=Augmentation()
        )
        return self._loader(clips, plans, no_augmentation)

    def _loader(
        self, clips: PreparedClips, plans: Iterable[BatchPlan], config: Config
    ) -> DataLoader[Batch]:
        batches = ClipBatches(clips, self._dims, config)
        # Without workers: the spectrograms are computed already, and a step uses all CPU cores.
        return DataLoader(batches, batch_size=None, sampler=plans, num_workers=0)

    def state_dict(self) -> dict[str, Any]:
        assert self.trainer is not None
        return {"steps": steps_done(self.trainer)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._n_done = int(state_dict["steps"])


def steps_done(trainer: pl.Trainer) -> int:
    """Number of training batches so far, including those before resuming."""
    return trainer.fit_loop.total_batch_idx + 1
