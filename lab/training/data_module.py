"""The batches of a training, and their loaders for Lightning."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset
from whisper.audio import N_SAMPLES_PER_TOKEN
from whisper.model import ModelDimensions

from lab.training.augment import augment_waveform, spec_augment
from lab.training.batching import Batch, Collator, LabeledMel
from lab.training.config import Augmentation, Config
from lab.training.prepared_examples import PreparedExamples, TrainingClips, log_mel
from lab.training.schedule import BatchPlan, PlanSampler, batch_order, steps_done, training_schedule


class ClipBatches(Dataset[Batch]):
    """Makes planned batches of clips, with augmentation."""

    def __init__(self, clips: TrainingClips, dims: ModelDimensions, config: Config) -> None:
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
        self, clips: TrainingClips, plans: Iterable[BatchPlan], config: Config
    ) -> DataLoader[Batch]:
        batches = ClipBatches(clips, self._dims, config)
        # Without workers: the spectrograms are computed already, and a step uses all CPU cores.
        return DataLoader(batches, batch_size=None, sampler=plans, num_workers=0)

    def state_dict(self) -> dict[str, Any]:
        assert self.trainer is not None
        return {"steps": steps_done(self.trainer)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._n_done = int(state_dict["steps"])
