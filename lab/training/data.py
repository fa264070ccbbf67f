"""The batches of a training, for Lightning."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset
from whisper.audio import N_SAMPLES_PER_TOKEN
from whisper.model import ModelDimensions

from lab.training.augment import changed_sound, masked
from lab.training.config import Config
from lab.training.intake import Clips, Intake, log_mel
from lab.training.order import Order, Plan, Steps
from lab.training.windows import Batch, Spoken, Windows


@dataclass(frozen=True)
class Schedule:
    """How many batches there are. A round is what lies between two validations.

    A training has whole rounds: where they do not fit its epochs exactly, it is a little longer.
    """

    steps_per_epoch: int
    steps_per_round: int
    n_rounds: int

    @property
    def total_steps(self) -> int:
        return self.steps_per_round * self.n_rounds


def order_of(lengths: Iterable[int], config: Config) -> Order:
    """The batches of a training with clips of some lengths, in any unit."""
    world_size = config.devices * config.nodes
    return Order(tuple(lengths), config.batch_size, config.seed, world_size)


def schedule_of(order: Order, config: Config) -> Schedule:
    """The steps of a training."""
    total = order.steps_per_epoch * config.epochs
    wanted = config.validate_every_steps or order.steps_per_epoch
    n_rounds = max(round(total / wanted), 1)
    return Schedule(order.steps_per_epoch, -(-total // n_rounds), n_rounds)


class Batches(Dataset[Batch]):
    """Makes the batches that are planned."""

    def __init__(self, clips: Clips, dims: ModelDimensions, config: Config) -> None:
        self._clips, self._config, self._n_mels = clips, config, dims.n_mels
        self._windows = Windows(dims, max_tokens=config.max_tokens)
        # A clip that is slowed down is to fit into what the model hears at once, too.
        self._max_samples = min(config.max_samples, N_SAMPLES_PER_TOKEN * dims.n_audio_ctx)

    def __getitem__(self, plan: Plan) -> Batch:
        rng = np.random.default_rng(plan.draws)
        full = rng.random() < self._config.full_share
        return self.made(plan.clips, full=full, rng=rng)

    def made(
        self, numbers: Sequence[int], *, full: bool, rng: np.random.Generator | None = None
    ) -> Batch:
        """The batch of some clips."""
        rng = rng or np.random.default_rng(0)
        return self._windows.batch(
            [self._spoken(number, rng) for number in numbers],
            full=full,
            timestamp_share=self._config.timestamp_share,
            rng=rng,
        )

    def _spoken(self, number: int, rng: np.random.Generator) -> Spoken:
        clip, augmentation = self._clips.clips[number], self._config.augmentation
        if self._clips.holds_sound:
            most = self._max_samples
            sound = changed_sound(self._clips.sound(number), augmentation, rng, max_samples=most)
            mel = log_mel(sound, self._n_mels)
        else:
            mel = self._clips.mel(number)
        if augmentation.time_masks or augmentation.frequency_masks:
            mel = masked(mel, augmentation, rng)
        return Spoken(mel, clip.text, clip.language)


class ValidationBatches(Dataset[Batch]):
    """All clips of validation in the order of their lengths, at their own length."""

    def __init__(self, clips: Clips, dims: ModelDimensions, config: Config) -> None:
        self._clips, self._n_mels = clips, dims.n_mels
        self._windows = Windows(dims, max_tokens=config.max_tokens)
        numbers = sorted(range(len(clips.clips)), key=lambda one: clips.clips[one].length)
        size = config.batch_size
        self._batches = [numbers[start : start + size] for start in range(0, len(numbers), size)]

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, number: int) -> Batch:
        clips = self._clips
        spoken = [
            Spoken(log_mel(clips.sound(one), self._n_mels), clips.clips[one].text, language)
            for one in self._batches[number]
            for language in [clips.clips[one].language]
        ]
        return self._windows.batch(spoken, rng=np.random.default_rng(0))


class ClipData(pl.LightningDataModule):
    """The clips of a run as loaders; knows how far a resumed run was."""

    def __init__(self, intake: Intake, dims: ModelDimensions, config: Config) -> None:
        super().__init__()
        self._intake, self._dims, self._config = intake, dims, config
        self.order = order_of((clip.length for clip in intake.train.clips), config)
        self.schedule = schedule_of(self.order, config)
        self._resume_at = 0

    def train_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None
        steps = Steps(
            self.order,
            steps_per_round=self.schedule.steps_per_round,
            resume_at=self._resume_at,
            rank=self.trainer.global_rank,
        )
        return _loader(Batches(self._intake.train, self._dims, self._config), steps)

    def val_dataloader(self) -> DataLoader[Batch]:
        return _loader(ValidationBatches(self._intake.validation, self._dims, self._config), None)

    def state_dict(self) -> dict[str, Any]:
        assert self.trainer is not None
        return {"steps": steps_done(self.trainer)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._resume_at = int(state_dict["steps"])


def steps_done(trainer: pl.Trainer) -> int:
    """Batches that have been learned from, those before a resumption counted."""
    return trainer.fit_loop.total_batch_idx + 1


def _loader(dataset: Dataset[Batch], sampler: Steps | None) -> DataLoader[Batch]:
    # In this process: the spectrograms are there already, and a step takes all processors.
    return DataLoader(dataset, batch_size=None, sampler=sampler, num_workers=0)
