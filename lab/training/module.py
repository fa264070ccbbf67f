"""The training and validation steps and the optimizer, as a Lightning module."""

import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from whisper.model import Whisper

from lab.asr.devices import Device
from lab.asr.weights import activation_of
from lab.core.errors import LabError
from lab.training import advice
from lab.training.batching import Batch
from lab.training.config import Config
from lab.training.forward import loss_of
from lab.training.prepared_examples import TrainingClips
from lab.training.validation import ValidationTranscripts, transcribe_validation

VALIDATION_LOSS = "validation_loss"
VALIDATION_WER, VALIDATION_CER = "validation_wer", "validation_cer"


class DivergedError(LabError):
    """The loss has become NaN or infinite."""


class WhisperModule(pl.LightningModule):
    """A Whisper in training."""

    def __init__(
        self,
        model: Whisper,
        config: Config,
        *,
        validation: TrainingClips,
        device: Device,
        last_checkpoint: Path,
    ) -> None:
        """device: for transcription; last_checkpoint: to mention in errors if it exists"""
        super().__init__()
        self.model, self.config = model, config
        self.validation, self._transcription_device = validation, device
        self._last_checkpoint = last_checkpoint
        self.peak_learning_rate = advice.learning_rate(config, model.dims.n_audio_state)
        # Evenly spaced, since the clips of a speaker are next to each other.
        n_clips = len(validation.clips)
        spacing = max(n_clips / config.max_validation_clips, 1.0)
        self.transcribed_clips = [int(i * spacing) for i in range(int(n_clips / spacing))]
        self.last_loss = self.last_learning_rate = 0.0
        self.transcripts: ValidationTranscripts | None = None

    def training_step(self, batch: Batch, _batch_idx: int) -> Tensor:
        loss = loss_of(self.model, batch, label_smoothing=self.config.label_smoothing)
        self.last_loss = float(loss.detach())
        self._check_finite(self.last_loss)
        self.last_learning_rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        self.log("loss", loss.detach(), batch_size=batch.n_clips)
        return loss

    def validation_step(self, batch: Batch, _batch_idx: int) -> None:
        loss = loss_of(self.model, batch)
        self.log(VALIDATION_LOSS, loss, batch_size=batch.n_clips)

    def on_validation_epoch_end(self) -> None:
        wer, cer = self.transcribe_validation()
        self.log(VALIDATION_WER, wer)
        self.log(VALIDATION_CER, cer)

    def transcribe_validation(self) -> tuple[float, float]:
        """Compute validation WER and CER with the current weights; also sets `transcripts`.

        The first process does so, and sends the rates to the others.
        """
        rates = (0.0, 0.0)
        if self.trainer.is_global_zero:
            self.transcripts = transcribe_validation(
                self.model,
                self.validation,
                self.transcribed_clips,
                device=self._transcription_device,
            )
            rates = (self.transcripts.wer, self.transcripts.cer)
        agreed: tuple[float, float] = self.trainer.strategy.broadcast(rates)
        return agreed

    def configure_optimizers(self) -> Any:
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        # No weight decay for biases and layer norms.
        groups: list[dict[str, Any]] = [
            {"params": [p for p in trained if p.ndim > 1]},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        # Lightning cannot clip gradients if a fused optimizer unscales them.
        optimizer = AdamW(
            groups,
            lr=self.peak_learning_rate,
            weight_decay=self.config.weight_decay,
            fused=not self._scales_gradients,
        )
        total = int(self.trainer.estimated_stepping_batches)
        warmup = max(round(self.config.warmup_ratio * total), 1)

        def factor(step: int) -> float:
            """Linear warm-up to 1, then linear decay to almost 0 at the last step."""
            if step < warmup:
                return (step + 1) / warmup
            return max((total - step) / (total - warmup + 1), 0.0)

        schedule = {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: float | None = None,  # noqa: ARG002 - Lightning's name
        gradient_clip_algorithm: str | None = None,  # noqa: ARG002
    ) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.config.max_grad_norm)
        if not self._scales_gradients:  # the gradient scaler skips infinite gradients by itself
            self._check_finite(float(norm))

    def optimizer_step(self, *arguments: Any, **options: Any) -> None:
        super().optimizer_step(*arguments, **options)
        # Not just before the next backward pass: the forward pass needs the memory.
        self.trainer.optimizers[0].zero_grad()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # Allows resuming the run when the model that it fine-tunes has been deleted.
        checkpoint["dims"] = dict(vars(self.model.dims))
        checkpoint["activation"] = activation_of(self.model)

    @property
    def _scales_gradients(self) -> bool:
        return self.trainer.precision == "16-mixed"

    def _check_finite(self, value: float) -> None:
        if not math.isfinite(value):
            kept = "The last checkpoint is kept. " if self._last_checkpoint.exists() else ""
            raise DivergedError(
                "The training diverged: its loss became NaN or infinite after "
                f"{self.trainer.global_step} steps. {kept}Start a new run with a learning rate of "
                f"{self.peak_learning_rate / 10:g} or less (it is {self.peak_learning_rate:g})."
            )
