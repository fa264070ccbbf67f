"""Callbacks for Lightning: progress and curves, checkpoints, stopping."""

import logging
import re
import signal
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint, EarlyStopping, ModelCheckpoint

from lab.core.errors import WorkspaceError
from lab.core.progress import Cancelled
from lab.core.workspace import atomic_write
from lab.training import lora, metrics
from lab.training.batching import Batch
from lab.training.data import ClipDataModule, Schedule, steps_done
from lab.training.metrics import Row
from lab.training.module import VALIDATION_CER, VALIDATION_LOSS, VALIDATION_WER, WhisperModule
from lab.training.run import Run, is_main_process

_log = logging.getLogger(__name__)

# Number of steps over which the speed is averaged; how often state and log are written.
_RECENT_STEPS, _UPDATE_EVERY_S, _LOG_EVERY_S = 20, 1.0, 30.0
_N_SAMPLES = 3
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
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: Any = None,  # noqa: ARG002 - Lightning's name
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
        self,
        path: str | Path,
        map_location: Any = None,  # noqa: ARG002
        weights_only: bool | None = None,  # noqa: ARG002
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


class RunReporter(pl.Callback):
    """Writes the curves, the sample transcripts and the state of a run."""

    def __init__(self, run: Run, schedule: Schedule) -> None:
        self._run, self._schedule = run, schedule
        self._earlier_s = 0.0  # spent before the run was resumed
        self._started_at = self._updated_at = self._logged_at = time.monotonic()
        self._recent: deque[tuple[float, int]] = deque(maxlen=_RECENT_STEPS)
        self._step_s: float | None = None
        self._clips_per_s: float | None = None
        self._validation_s: float | None = None
        self._validation_started_at = 0.0
        self._best_wer: float | None = None

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self._elapsed_s(), "best": self._best_wer}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._earlier_s, self._best_wer = state_dict["seconds"], state_dict["best"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, WhisperModule)
        step = steps_done(trainer)
        if trainer.is_global_zero:
            metrics.truncate(self._run.folder, step if step else -1)
            _truncate_samples(self._run, step if step else -1)
            self._update(note="Training", step=step, total_steps=self._schedule.total_steps)
        if step:
            _log.info("Resuming from step %d of %d.", step, self._schedule.total_steps)
        else:
            self._update(note="Validating before the first step")
            wer, cer = pl_module.transcribe_validation()
            if trainer.is_global_zero:
                self._report_validation(pl_module, Row(0, 0.0, None, None, None, wer, cer))
                self._update(first_wer=wer, note="Training")
        self._started_at = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,  # noqa: ARG002 - Lightning's names
        batch: Batch,
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        assert isinstance(pl_module, WhisperModule)
        if not trainer.is_global_zero:
            return
        now, step = time.monotonic(), steps_done(trainer)
        self._recent.append((now, batch.n_clips * trainer.world_size))
        self._update_speed()
        row = Row(
            step,
            self._epoch(step),
            pl_module.last_loss,
            pl_module.last_learning_rate,
            clips_per_s=self._clips_per_s,
            seconds=self._elapsed_s(),
        )
        metrics.append(self._run.folder, row)
        if now - self._updated_at >= _UPDATE_EVERY_S or step == self._schedule.total_steps:
            self._updated_at = now
            self._update(
                step=step,
                epoch=row.epoch,
                clips_per_s=row.clips_per_s,
                seconds_left=self._seconds_left(step),
            )
        if now - self._logged_at >= _LOG_EVERY_S and row.clips_per_s:
            self._logged_at = now
            _log.info(
                "Step %d of %d: loss %.3f, %.1f clips per second.",
                *(step, self._schedule.total_steps, pl_module.last_loss, row.clips_per_s),
            )

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        self._validation_started_at = time.monotonic()
        self._update(note="Validating", step=steps_done(trainer))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, WhisperModule)
        if not trainer.is_global_zero:
            return
        loss, wer, cer = (
            float(trainer.callback_metrics[name])
            for name in (VALIDATION_LOSS, VALIDATION_WER, VALIDATION_CER)
        )
        step = steps_done(trainer)
        row = Row(step, self._epoch(step), None, None, loss, wer, cer, seconds=self._elapsed_s())
        self._best_wer = wer if self._best_wer is None else min(wer, self._best_wer)
        self._report_validation(pl_module, row)
        self._update(best_wer=self._best_wer, note="Training")
        self._validation_s = time.monotonic() - self._validation_started_at
        self._recent.clear()  # or the next step would include the time of this validation

    def _report_validation(self, module: WhisperModule, row: Row) -> None:
        metrics.append(self._run.folder, row)
        _log.info(
            "Step %d (epoch %.1f): validation WER %.1f %%, CER %.1f %%.",
            *(
                row.step,
                row.epoch,
                100 * (row.validation_wer or 0),
                100 * (row.validation_cer or 0),
            ),
        )
        if module.transcripts is not None:
            indices = module.transcribed_clips
            texts = dict(zip(indices, module.transcripts.texts, strict=True))
            samples = indices[:: max(len(indices) // _N_SAMPLES, 1)][:_N_SAMPLES]
            _append_samples(self._run, module, row.step, {i: texts[i] for i in samples})

    def _update(self, **changes: object) -> None:
        if is_main_process():
            self._run.update(**changes)

    def _elapsed_s(self) -> float:
        return self._earlier_s + time.monotonic() - self._started_at

    def _epoch(self, step: int) -> float:
        return step / self._schedule.steps_per_epoch

    def _update_speed(self) -> None:
        """Average over the last steps; the first one only marks the start of the interval."""
        if len(self._recent) >= 2:
            elapsed_s = self._recent[-1][0] - self._recent[0][0]
            n_steps = len(self._recent) - 1
            self._step_s = max(elapsed_s / n_steps, 1e-6)
            n_clips = sum(n for _, n in list(self._recent)[1:])
            self._clips_per_s = n_clips / n_steps / self._step_s

    def _seconds_left(self, step: int) -> float | None:
        if self._step_s is None:
            return None
        schedule = self._schedule
        n_validations = schedule.n_validations - step // schedule.steps_between_validations
        validations_s = n_validations * (self._validation_s or 0.0)
        return self._step_s * (schedule.total_steps - step) + validations_s


class BestCheckpoint(ModelCheckpoint):
    """Saves the checkpoint with the lowest validation WER, also after the run has been moved."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(self.dirpath or "", Path(path).name)) if path else ""

        # If the folder differs, Lightning forgets the best score, and the next checkpoint wins.
        moved = {
            "dirpath": self.dirpath,
            "best_k_models": {here(path): wer for path, wer in state_dict["best_k_models"].items()},
        }
        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        moved |= {name: here(state_dict[name]) for name in paths}
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

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        # Lightning has installed its own handler, which exits without saving.
        signal.signal(signal.SIGTERM, self._on_terminate)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,  # noqa: ARG002 - Lightning's names
        outputs: Any,  # noqa: ARG002 - Lightning's names
        batch: Any,  # noqa: ARG002
        batch_idx: int,
    ) -> None:
        if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            return
        stops = self._run.stop_requested
        is_time = time.monotonic() - self._saved_at >= self._every_s
        is_step = bool(self._every_steps) and steps_done(trainer) % (self._every_steps or 1) == 0
        # Checkpoints do not contain accumulated gradients.
        can_save = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        saves = can_save and (stops or is_time or is_step)
        stops, saves = trainer.strategy.broadcast((stops, saves))
        if saves:
            self._save(trainer)
            if stops:
                raise Cancelled

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        self._save(trainer)
        if trainer.strategy.broadcast(self._run.stop_requested):
            raise Cancelled

    def _save(self, trainer: pl.Trainer) -> None:
        trainer.save_checkpoint(self._run.last_checkpoint, weights_only=False)
        if is_main_process():
            self._run.update(step=steps_done(trainer))
        self._saved_at = time.monotonic()


class ResumableEarlyStopping(EarlyStopping):
    """Early stopping that also ends a run resumed after its patience was exhausted."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        if self.wait_count >= self.patience:
            trainer.should_stop = True


def _append_samples(run: Run, module: WhisperModule, step: int, texts: Mapping[int, str]) -> None:
    clips = [module.validation.clips[index] for index in texts]
    earlier = run.sample_transcripts().get("transcripts", [])
    run.store_sample_transcripts(
        {
            "clips": [{"file_name": clip.file_name, "reference": clip.text} for clip in clips],
            "transcripts": [*earlier, {"step": step, "texts": list(texts.values())}],
        }
    )


def _truncate_samples(run: Run, step: int) -> None:
    """Remove the sample transcripts after a step."""
    if samples := run.sample_transcripts():
        kept = [entry for entry in samples["transcripts"] if entry["step"] <= step]
        run.store_sample_transcripts({**samples, "transcripts": kept})
