"""Callbacks for Lightning: reporting of progress and metrics, early stopping."""

# ruff: noqa: ARG002 - the parameters are those of Lightning's hooks

import logging
import time
from collections import deque
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping

from lab.training import metrics
from lab.training.batching import Batch
from lab.training.metrics import Row
from lab.training.module import VALIDATION_CER, VALIDATION_LOSS, VALIDATION_WER, WhisperModule
from lab.training.run import Run, is_main_process
from lab.training.schedule import Schedule, steps_done

_log = logging.getLogger(__name__)

# Number of steps over which the speed is averaged; how often state and log are written.
_RECENT_STEPS, _UPDATE_EVERY_S, _LOG_EVERY_S = 20, 1.0, 30.0
_N_SAMPLES = 3


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

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        step = steps_done(trainer)
        if trainer.is_global_zero:
            self._truncate(step or -1)
            self._update(note="Training", step=step, total_steps=self._schedule.total_steps)
        if step:
            _log.info("Resuming from step %d of %d.", step, self._schedule.total_steps)
        else:
            self._update(note="Validating before the first step")
            wer, cer = pl_module.transcribe_validation()
            if trainer.is_global_zero:
                row = Row(0, 0.0, validation_wer=wer, validation_cer=cer)
                self._report_validation(pl_module, row)
                self._update(first_wer=wer, note="Training")
        self._started_at = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        if not trainer.is_global_zero:
            return
        now, step = time.monotonic(), steps_done(trainer)
        self._recent.append((now, batch.n_clips * trainer.world_size))
        self._update_speed()
        loss, rate = pl_module.last_loss, pl_module.last_learning_rate
        row = self._row(step, loss=loss, learning_rate=rate, clips_per_s=self._clips_per_s)
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
                *(step, self._schedule.total_steps, loss, row.clips_per_s),
            )

    def on_validation_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._validation_started_at = time.monotonic()
        self._update(note="Validating", step=steps_done(trainer))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if not trainer.is_global_zero:
            return
        names = (VALIDATION_LOSS, VALIDATION_WER, VALIDATION_CER)  # those of the columns
        values = {name: float(trainer.callback_metrics[name]) for name in names}
        self._report_validation(pl_module, self._row(steps_done(trainer), **values))
        wer = values[VALIDATION_WER]
        self._best_wer = wer if self._best_wer is None else min(wer, self._best_wer)
        self._update(best_wer=self._best_wer, note="Training")
        self._validation_s = time.monotonic() - self._validation_started_at
        self._recent.clear()  # or the next step would include the time of this validation

    def _report_validation(self, module: WhisperModule, row: Row) -> None:
        metrics.append(self._run.folder, row)
        wer, cer = 100 * (row.validation_wer or 0), 100 * (row.validation_cer or 0)
        _log.info(
            "Step %d (epoch %.1f): validation WER %.1f %%, CER %.1f %%.",
            *(row.step, row.epoch, wer, cer),
        )
        if module.transcripts is not None:
            clips = [module.validation.clips[index] for index in module.transcribed_clips]
            spacing = max(len(clips) // _N_SAMPLES, 1)
            shown = slice(0, spacing * _N_SAMPLES, spacing)
            latest = {"step": row.step, "texts": module.transcripts.texts[shown]}
            content = {
                "clips": [{"file_name": c.file_name, "reference": c.text} for c in clips[shown]],
                "transcripts": [*self._run.sample_transcripts().get("transcripts", []), latest],
            }
            self._run.store_sample_transcripts(content)

    def _truncate(self, step: int) -> None:
        """Remove metrics and sample transcripts after a step from which the run resumes."""
        metrics.truncate(self._run.folder, step)
        if samples := self._run.sample_transcripts():
            kept = [entry for entry in samples["transcripts"] if entry["step"] <= step]
            self._run.store_sample_transcripts({**samples, "transcripts": kept})

    def _update(self, **changes: object) -> None:
        if is_main_process():
            self._run.update(**changes)

    def _elapsed_s(self) -> float:
        return self._earlier_s + time.monotonic() - self._started_at

    def _row(self, step: int, **values: float | None) -> Row:
        epoch = step / self._schedule.steps_per_epoch
        return Row(step, epoch, seconds=self._elapsed_s(), **values)

    def _update_speed(self) -> None:
        """Average over the last steps; the first one only marks the start of the interval."""
        if len(self._recent) >= 2:
            (started_at, _), *steps = self._recent
            self._step_s = max((steps[-1][0] - started_at) / len(steps), 1e-6)
            self._clips_per_s = sum(n_clips for _, n_clips in steps) / len(steps) / self._step_s

    def _seconds_left(self, step: int) -> float | None:
        if self._step_s is None:
            return None
        schedule = self._schedule
        n_validations = schedule.n_validations - step // schedule.steps_between_validations
        validations_s = n_validations * (self._validation_s or 0.0)
        return self._step_s * (schedule.total_steps - step) + validations_s


class ResumableEarlyStopping(EarlyStopping):
    """Early stopping that also ends a run resumed after its patience was exhausted."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if self.wait_count >= self.patience:
            trainer.should_stop = True
