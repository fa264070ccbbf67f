"""Lightning's callbacks: what a training tells as it goes on, and how it is saved and stopped."""

import logging
import signal
import time
from collections import deque
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint, EarlyStopping

from lab.core.errors import WorkspaceError
from lab.core.progress import Cancelled
from lab.core.workspace import atomic_write, write_json
from lab.training import metrics, runs
from lab.training.data import Schedule, steps_done
from lab.training.metrics import Row
from lab.training.module import VALIDATION_CER, VALIDATION_LOSS, VALIDATION_WER, Training
from lab.training.runs import Run
from lab.training.windows import Batch

_log = logging.getLogger(__name__)

# Steps over which the speed is taken, and how often files tell of it.
_RECENT_STEPS, _TELL_EVERY_S, _LOG_EVERY_S = 20, 1.0, 30.0
_SENTENCES_SHOWN = 3


class WholeFiles(TorchCheckpointIO):
    """Checkpoints that are there completely or not at all, and are read without running code.

    Lightning's own writing would hold a second copy of everything in memory.
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
            with atomic_write(Path(path)) as beside:
                torch.save(checkpoint, beside)
        # torch's zip writer turns a full disk into a RuntimeError.
        except (WorkspaceError, RuntimeError) as error:
            raise WorkspaceError(
                f"The state of the run cannot be saved ({error.__cause__ or error}). "
                f"Free some space first. {runs.way_on(self._run)}"
            ) from error

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any = None,  # noqa: ARG002
        weights_only: bool | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        loaded: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return loaded


class Reporter(pl.Callback):
    """Writes the curves, the sentences and the state of a run."""

    def __init__(self, run: Run, schedule: Schedule) -> None:
        self._run, self._schedule = run, schedule
        self._seconds = 0.0  # of training before this process took it up
        self._since = self._told_at = self._logged_at = time.monotonic()
        self._recent: deque[tuple[float, int]] = deque(maxlen=_RECENT_STEPS)
        self._step_s: float | None = None
        self._clips_per_s: float | None = None
        self._validation_s: float | None = None
        self._validation_began = 0.0
        self._best: float | None = None

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self._spent(), "best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._seconds, self._best = state_dict["seconds"], state_dict["best"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Training)
        step = steps_done(trainer)
        if trainer.is_global_zero:
            metrics.cut(self._run.folder, step if step else -1)
            _cut_sentences(self._run, step if step else -1)
            self._update(note="Training", step=step, total_steps=self._schedule.total_steps)
        if step:
            _log.info("Going on after step %d of %d.", step, self._schedule.total_steps)
        else:
            self._update(note="Listening before the first step")
            wer, cer = pl_module.hear()
            if trainer.is_global_zero:
                self._tell_validation(pl_module, Row(0, 0.0, None, None, None, wer, cer))
                self._update(first_wer=wer, note="Training")
        self._since = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,  # noqa: ARG002 - Lightning's names
        batch: Batch,
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        assert isinstance(pl_module, Training)
        if not trainer.is_global_zero:
            return
        now, step = time.monotonic(), steps_done(trainer)
        self._recent.append((now, batch.n_clips * trainer.world_size))
        self._measure()
        row = Row(
            step,
            self._epoch(step),
            pl_module.last_loss,
            pl_module.last_rate,
            clips_per_s=self._clips_per_s,
            seconds=self._spent(),
        )
        metrics.append(self._run.folder, row)
        if now - self._told_at >= _TELL_EVERY_S or step == self._schedule.total_steps:
            self._told_at = now
            self._update(
                step=step,
                epoch=row.epoch,
                clips_per_s=row.clips_per_s,
                seconds_left=self._left(step),
            )
        if now - self._logged_at >= _LOG_EVERY_S and row.clips_per_s:
            self._logged_at = now
            _log.info(
                "Step %d of %d: loss %.3f, %.1f clips a second.",
                *(step, self._schedule.total_steps, pl_module.last_loss, row.clips_per_s),
            )

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        self._validation_began = time.monotonic()
        self._update(note="Validating", step=steps_done(trainer))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Training)
        if not trainer.is_global_zero:
            return
        loss, wer, cer = (
            float(trainer.callback_metrics[name])
            for name in (VALIDATION_LOSS, VALIDATION_WER, VALIDATION_CER)
        )
        step = steps_done(trainer)
        row = Row(step, self._epoch(step), None, None, loss, wer, cer, seconds=self._spent())
        self._best = wer if self._best is None else min(wer, self._best)
        self._tell_validation(pl_module, row)
        self._update(best_wer=self._best, note="Training")
        self._validation_s = time.monotonic() - self._validation_began
        self._recent.clear()  # the time of a validation is no time of steps

    def _tell_validation(self, module: Training, row: Row) -> None:
        metrics.append(self._run.folder, row)
        _log.info(
            "After step %d (epoch %.1f): WER of validation %.1f %%, CER %.1f %%.",
            *(
                row.step,
                row.epoch,
                100 * (row.validation_wer or 0),
                100 * (row.validation_cer or 0),
            ),
        )
        if module.heard is not None:
            shown = module.heard_clips[:: max(len(module.heard_clips) // _SENTENCES_SHOWN, 1)]
            texts = dict(zip(module.heard_clips, module.heard.texts, strict=True))
            _add_sentences(self._run, module, shown[:_SENTENCES_SHOWN], row.step, texts)

    def _update(self, **changes: object) -> None:
        if runs.is_main_process():
            runs.update(self._run, **changes)

    def _spent(self) -> float:
        return self._seconds + time.monotonic() - self._since

    def _epoch(self, step: int) -> float:
        return step / self._schedule.steps_per_epoch

    def _measure(self) -> None:
        """Take the speed of the last steps; the first one after a validation tells nothing."""
        if len(self._recent) >= 2:
            spent = self._recent[-1][0] - self._recent[0][0]
            n_steps = len(self._recent) - 1
            self._step_s = max(spent / n_steps, 1e-6)
            n_clips = sum(number for _, number in list(self._recent)[1:])
            self._clips_per_s = n_clips / n_steps / self._step_s

    def _left(self, step: int) -> float | None:
        if self._step_s is None:
            return None
        rounds_left = self._schedule.n_rounds - step // self._schedule.steps_per_round
        validations_s = rounds_left * (self._validation_s or 0.0)
        return self._step_s * (self._schedule.total_steps - step) + validations_s


class LastState(Checkpoint):
    """Saves the state to go on from, and stops when that is asked for.

    Comes after all other callbacks, whose states it saves. Nothing is saved between the last step
    of a round and the end of its validation: who goes on from there would miss it.
    """

    def __init__(self, run: Run, *, every_s: float, every_steps: int | None) -> None:
        self._run, self._every_s, self._every_steps = run, every_s, every_steps
        self._saved_at = time.monotonic()
        self._on_terminate = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        # Lightning has put its own handler there, which ends the process with nothing saved.
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
        stops = runs.is_asked_to_stop(self._run)
        is_time = time.monotonic() - self._saved_at >= self._every_s
        is_step = bool(self._every_steps) and steps_done(trainer) % (self._every_steps or 1) == 0
        # In the middle of accumulating gradients there is no state that could be gone on from.
        is_whole = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        wanted = is_whole and (stops or is_time or is_step)
        stops, wanted = trainer.strategy.broadcast((stops, wanted))
        if wanted:
            self._save(trainer)
            if stops:
                raise Cancelled

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        self._save(trainer)
        if trainer.strategy.broadcast(runs.is_asked_to_stop(self._run)):
            raise Cancelled

    def _save(self, trainer: pl.Trainer) -> None:
        trainer.save_checkpoint(self._run.last_path, weights_only=False)
        if runs.is_main_process():
            runs.update(self._run, step=steps_done(trainer))
        self._saved_at = time.monotonic()


class Patience(EarlyStopping):
    """Ends a training that gets no better, also one that is resumed after it had ended so."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        if self.wait_count >= self.patience:
            trainer.should_stop = True


def _add_sentences(
    run: Run, module: Training, numbers: list[int], step: int, texts: dict[int, str]
) -> None:
    clips = [module.validation.clips[number] for number in numbers]
    known = runs.sentences(run)
    heard = [*known.get("heard", []), {"step": step, "texts": [texts[one] for one in numbers]}]
    write_json(
        run.folder / runs.SENTENCES,
        {
            "clips": [{"file_name": clip.file_name, "reference": clip.text} for clip in clips],
            "heard": heard,
        },
    )


def _cut_sentences(run: Run, step: int) -> None:
    if known := runs.sentences(run):
        known["heard"] = [one for one in known["heard"] if one["step"] <= step]
        write_json(run.folder / runs.SENTENCES, known)
