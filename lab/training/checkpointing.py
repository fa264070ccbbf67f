"""Checkpoints: written atomically, read from earlier versions, saved at the right moments."""

# ruff: noqa: ARG002 - the parameters are those of Lightning's hooks

import re
import signal
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint

from lab.core.errors import WorkspaceError
from lab.core.progress import Cancelled
from lab.core.workspace import atomic_write
from lab.training import lora
from lab.training.data_module import ClipDataModule
from lab.training.run import Run, is_main_process
from lab.training.schedule import steps_done

# Lightning stores the states of objects by class name: those of version 0.1, and today's.
_RENAMED = {
    "Reporter": "RunReporter",
    "Patience": "ResumableEarlyStopping",
    "ModelCheckpoint": "BestCheckpoint",
}


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints atomically, and reads them without executing code.

    Lightning's own implementation would keep a second copy of everything in memory.
    """

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        try:
            with atomic_write(Path(path)) as temporary:
                torch.save(checkpoint, temporary)
        # torch's zip writer reports a full disk as RuntimeError.
        except (WorkspaceError, RuntimeError) as error:
            raise WorkspaceError(
                f"The checkpoint of the run cannot be saved ({error.__cause__ or error}). "
                f"Free some space first. {self._run.recovery_advice}"
            ) from error

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        loaded: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        loaded["state_dict"] = lora.with_current_names(loaded["state_dict"])
        loaded["callbacks"] = {
            re.sub(r"^\w+", lambda name: _RENAMED.get(name[0], name[0]), key): state
            for key, state in loaded["callbacks"].items()
        }
        if "ClipData" in loaded:  # version 0.1
            loaded[ClipDataModule.__qualname__] = loaded.pop("ClipData")
        return loaded


class BestCheckpoint(ModelCheckpoint):
    """Saves the checkpoint with the lowest validation WER, also after the run has been moved."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(self.dirpath or "", Path(path).name)) if path else ""

        # If the folder differs, Lightning forgets the best score, and the next checkpoint wins.
        names = ("best_model_path", "kth_best_model_path", "last_model_path")
        paths = {name: here(state_dict[name]) for name in names}
        best = {here(path): wer for path, wer in state_dict["best_k_models"].items()}
        moved = {"dirpath": self.dirpath, "best_k_models": best, **paths}
        super().load_state_dict({**state_dict, **moved})


class LastCheckpoint(Checkpoint):
    """Saves the checkpoint to resume from, and stops the run on request.

    Lightning runs it after all other callbacks, whose states it saves. It does not save between the
    last step before a validation and the end of that: a resumed run would skip the validation.
    """

    def __init__(self, run: Run, *, every_s: float, every_steps: int | None) -> None:
        self._run, self._every_s, self._every_steps = run, every_s, every_steps
        self._saved_at = time.monotonic()
        self._on_terminate = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Lightning has installed its own handler, which exits without saving.
        signal.signal(signal.SIGTERM, self._on_terminate)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            return
        stops = self._run.stop_requested
        is_time = time.monotonic() - self._saved_at >= self._every_s
        is_step = self._every_steps and steps_done(trainer) % self._every_steps == 0
        # Checkpoints do not contain accumulated gradients.
        can_save = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        saves = can_save and bool(stops or is_time or is_step)
        stops, saves = trainer.strategy.broadcast((stops, saves))
        if saves:
            self._save(trainer)
            if stops:
                raise Cancelled

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._save(trainer)
        if trainer.strategy.broadcast(self._run.stop_requested):
            raise Cancelled

    def _save(self, trainer: pl.Trainer) -> None:
        trainer.save_checkpoint(self._run.last_checkpoint, weights_only=False)
        if is_main_process():
            self._run.update(step=steps_done(trainer))
        self._saved_at = time.monotonic()
