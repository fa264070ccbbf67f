"""The training itself, as Lightning wants it: a step, a validation, an optimiser."""

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
from lab.training.config import Config
from lab.training.forward import loss_of
from lab.training.hearing import Heard, hear
from lab.training.intake import Clips
from lab.training.windows import Batch

VALIDATION_LOSS, VALIDATION_WER, VALIDATION_CER = (
    "validation_loss",
    "validation_wer",
    "validation_cer",
)


class DivergedError(LabError):
    """The loss has become no number."""


class Training(pl.LightningModule):
    """A Whisper that learns to write what was said."""

    def __init__(
        self,
        model: Whisper,
        config: Config,
        *,
        learning_rate: float,
        optimiser_steps: int,
        validation: Clips,
        device: Device,
        last_path: Path,
    ) -> None:
        """optimiser_steps: of the whole training; device: what validation transcribes on;
        last_path: where the state to go on from will be
        """
        super().__init__()
        self.model, self.config = model, config
        self.validation, self.hearing_device = validation, device
        self._last_path = last_path
        self._learning_rate, self._optimiser_steps = learning_rate, optimiser_steps
        # Evenly over the clips, so that no speaker who comes first is all there is.
        n_clips = len(validation.clips)
        every = max(n_clips / config.validation_clips, 1.0)
        self.heard_clips = [int(place * every) for place in range(int(n_clips / every))]
        self.last_loss = self.last_rate = 0.0
        self.heard: Heard | None = None

    def training_step(self, batch: Batch, _batch_idx: int) -> Tensor:
        loss = loss_of(self.model, batch, label_smoothing=self.config.label_smoothing)
        self.last_loss = float(loss.detach())
        self._check(self.last_loss)
        self.last_rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        self.log("loss", loss.detach(), batch_size=batch.n_clips)
        return loss

    def validation_step(self, batch: Batch, _batch_idx: int) -> None:
        loss = loss_of(self.model, batch)
        self.log(VALIDATION_LOSS, loss, batch_size=batch.n_clips)

    def on_validation_epoch_end(self) -> None:
        wer, cer = self.hear()
        self.log(VALIDATION_WER, wer)
        self.log(VALIDATION_CER, cer)

    def hear(self) -> tuple[float, float]:
        """WER and CER of validation with the weights as they are; the texts are in `heard`.

        One of several processes does it; all know the figures afterwards.
        """
        rates = (0.0, 0.0)
        if self.trainer.is_global_zero:
            self.heard = hear(
                self.model, self.validation, self.heard_clips, device=self.hearing_device
            )
            rates = (self.heard.wer, self.heard.cer)
        agreed: tuple[float, float] = self.trainer.strategy.broadcast(rates)
        return agreed

    def configure_optimizers(self) -> Any:
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        # Biases and layer norms are not to shrink.
        groups: list[dict[str, Any]] = [
            {"params": [one for one in trained if one.ndim > 1]},
            {"params": [one for one in trained if one.ndim <= 1], "weight_decay": 0.0},
        ]
        # Lightning cannot clip the gradients of a fused optimiser that also scales them.
        is_scaled = self.trainer.precision == "16-mixed"
        optimiser = AdamW(
            groups,
            lr=self._learning_rate,
            weight_decay=self.config.weight_decay,
            fused=not is_scaled,
        )
        schedule = LambdaLR(optimiser, self._share_of_learning_rate)
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: float | None = None,  # noqa: ARG002 - Lightning's name
        gradient_clip_algorithm: str | None = None,  # noqa: ARG002
    ) -> None:
        parameters = [one for group in optimizer.param_groups for one in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.config.clip_norm)
        if self.trainer.precision != "16-mixed":  # which finds out by itself, and skips the step
            self._check(float(norm))

    def optimizer_step(self, *arguments: Any, **options: Any) -> None:
        super().optimizer_step(*arguments, **options)
        # Now, not before the next way back, where what the way forward keeps would come on top.
        self.trainer.optimizers[0].zero_grad()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # So that a run can go on although the model that it began with is gone.
        checkpoint["dims"] = dict(vars(self.model.dims))
        checkpoint["activation"] = activation_of(self.model)

    def _share_of_learning_rate(self, step: int) -> float:
        """Linear up to 1, then down to 0 (nearly) at the last step."""
        total = self._optimiser_steps
        warm_up = max(round(self.config.warmup_share * total), 1)
        if step < warm_up:
            return (step + 1) / warm_up
        return max((total - step) / (total - warm_up + 1), 0.0)

    def _check(self, value: float) -> None:
        if value - value != 0:  # infinite, or no number
            kept = "The last good state is kept. " if self._last_path.exists() else ""
            raise DivergedError(
                f"The training diverged: its loss became no number after "
                f"{self.trainer.global_step} steps. {kept}Begin a new run with a learning rate of "
                f"{self._learning_rate / 10:g} or less (it is {self._learning_rate:g})."
            )
