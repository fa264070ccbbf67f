"""Training with Lightning, from the clips of a run to its best model."""

import logging
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from whisper.model import Whisper

from lab.training import advice, memory, runs
from lab.training.config import Config
from lab.training.data import ClipData
from lab.training.device import device_for
from lab.training.intake import Intake
from lab.training.keeping import take_best
from lab.training.module import VALIDATION_WER, Training
from lab.training.reporting import LastState, Patience, Reporter, WholeFiles
from lab.training.runs import Run

_log = logging.getLogger(__name__)

# What it recommends and which processors it looked for are of no use to the reader of a run's log.
for _name in ("pytorch_lightning", "lightning_fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_PRECISIONS: dict[str, Any] = {
    "float32": "32-true",
    "bfloat16": "bf16-mixed",
    "float16": "16-mixed",
}


class BestState(ModelCheckpoint):
    """Saves the best state, and knows it again where the folder of the run was moved."""

    @property
    def state_key(self) -> str:
        # As in runs that were stopped when there was not this class yet.
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(self.dirpath or "", Path(path).name)) if path else ""

        # With the folder of before, Lightning would take the next state, however bad, for the best.
        moved = {
            "dirpath": self.dirpath,
            "best_k_models": {here(path): wer for path, wer in state_dict["best_k_models"].items()},
        }
        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        moved |= {name: here(state_dict[name]) for name in paths}
        super().load_state_dict({**state_dict, **moved})


def fit(run: Run, model: Whisper, taken_in: Intake) -> None:
    """Train `model` from the beginning, or from the last state that was saved, to the end.

    Leaves the best state as the run's model. Raises `Cancelled` when the run was stopped,
    OptionsError where the machine cannot do it, DivergedError where the loss is no number.
    """
    config, device = run.config, device_for(run.config)
    data = ClipData(taken_in, model.dims, config)
    width = model.dims.n_audio_state
    longest_s = max(clip.duration_s for clip in taken_in.train.clips)
    memory.check(model, config, device, longest_s=longest_s)
    learning_rate = advice.learning_rate(config, width)
    _log.info(
        "Learning rate %g, %d steps, batches of %d, on %s in %s.",
        *(learning_rate, data.schedule.total_steps, config.batch_size),
        *(device.name, device.precision),
    )
    optimiser_steps = -(-data.schedule.steps_per_round // config.accumulate)
    module = Training(
        model,
        config,
        learning_rate=learning_rate,
        optimiser_steps=optimiser_steps * data.schedule.n_rounds,
        validation=taken_in.validation,
        device=device,
        last_path=run.last_path,
    )
    trainer = pl.Trainer(
        accelerator=device.torch_device.type,
        devices=config.devices,
        num_nodes=config.nodes,
        strategy=config.strategy,
        precision=_PRECISIONS[device.precision],
        max_epochs=data.schedule.n_rounds,
        accumulate_grad_batches=config.accumulate,
        callbacks=_callbacks(run, config, data),
        logger=TensorBoardLogger(run.folder, name="", version="tensorboard"),
        plugins=[WholeFiles(run)],
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    last = run.last_path if run.last_path.exists() else None
    with warnings.catch_warnings():
        # It cannot know that our batches go on where they were, and that one process loads them
        # on purpose.
        warnings.filterwarnings("ignore", module=r"(pytorch_)?lightning")
        trainer.fit(module, datamodule=data, ckpt_path=last, weights_only=True)
    if runs.is_main_process():
        runs.update(run, note="Keeping the best model", seconds_left=0.0)
        take_best(run, model)


def _callbacks(run: Run, config: Config, data: ClipData) -> list[pl.Callback]:
    best = BestState(
        run.folder / runs.CHECKPOINTS,
        filename=runs.BEST.removesuffix(".ckpt"),
        monitor=VALIDATION_WER,
        save_weights_only=True,
        save_on_train_epoch_end=False,
        enable_version_counter=False,
    )
    callbacks: list[pl.Callback] = [
        Reporter(run, data.schedule),
        LearningRateMonitor(logging_interval="step"),
        best,
        LastState(run, every_s=config.save_every_s, every_steps=config.save_every_steps),
    ]
    if config.patience:
        callbacks.append(
            Patience(VALIDATION_WER, patience=config.patience, check_on_train_epoch_end=False)
        )
    return callbacks
