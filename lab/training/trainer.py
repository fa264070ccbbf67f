"""Training with Lightning, from the prepared examples of a run to its best model."""

import logging
import warnings
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import LearningRateMonitor
from pytorch_lightning.loggers import TensorBoardLogger
from whisper.model import Whisper

from lab.training import memory
from lab.training.callbacks import ResumableEarlyStopping, RunReporter
from lab.training.checkpointing import AtomicCheckpointIO, BestCheckpoint, LastCheckpoint
from lab.training.config import Config
from lab.training.data_module import ClipDataModule
from lab.training.device import device_for
from lab.training.module import VALIDATION_WER, WhisperModule
from lab.training.prepared_examples import PreparedExamples
from lab.training.run import Run, is_main_process
from lab.training.run_model import write_best_model

_log = logging.getLogger(__name__)

# Its tips and its list of devices are of no use in the log of a run.
for _name in ("pytorch_lightning", "lightning_fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_PRECISIONS: Any = {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": "16-mixed"}


def fit(run: Run, model: Whisper, examples: PreparedExamples) -> None:
    """Train `model`, from the start or the last checkpoint, and save the best one as the run's.

    Raises `Cancelled` if the run was stopped, OptionsError if the machine cannot train it,
    DivergedError if the loss becomes NaN or infinite.
    """
    config, device = run.config, device_for(run.config)
    data = ClipDataModule(examples, model.dims, config)
    schedule = data.schedule
    longest_s = max(clip.duration_s for clip in examples.train.clips)
    memory.check(model, config, device, longest_s=longest_s)
    module = WhisperModule(
        model,
        config,
        validation=examples.validation,
        device=device,
        last_checkpoint=run.last_checkpoint,
    )
    _log.info(
        "Learning rate %g, %d steps, batch size %d, on %s in %s.",
        *(module.peak_learning_rate, schedule.total_steps, config.batch_size),
        *(device.name, device.precision),
    )
    trainer = pl.Trainer(
        accelerator=device.torch_device.type,
        devices=config.devices,
        num_nodes=config.num_nodes,
        strategy=config.strategy,
        precision=_PRECISIONS[device.precision],
        max_epochs=schedule.n_validations,
        accumulate_grad_batches=config.gradient_accumulation_steps,
        callbacks=_callbacks(run, config, data),
        logger=TensorBoardLogger(run.folder, name="", version="tensorboard"),
        plugins=[AtomicCheckpointIO(run)],
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    last = run.last_checkpoint if run.last_checkpoint.exists() else None
    with warnings.catch_warnings():
        # It cannot know that the data loader resumes by itself, and has no workers on purpose.
        warnings.filterwarnings("ignore", module=r"(pytorch_)?lightning")
        trainer.fit(module, datamodule=data, ckpt_path=last, weights_only=True)
    if is_main_process():
        run.update(note="Saving the best model", seconds_left=0.0)
        write_best_model(run, model)


def _callbacks(run: Run, config: Config, data: ClipDataModule) -> list[pl.Callback]:
    best = BestCheckpoint(
        run.checkpoints_dir,
        filename=run.best_checkpoint.stem,
        monitor=VALIDATION_WER,
        save_weights_only=True,
        save_on_train_epoch_end=False,
        enable_version_counter=False,
    )
    callbacks: list[pl.Callback] = [
        RunReporter(run, data.schedule),
        LearningRateMonitor(logging_interval="step"),
        best,
        LastCheckpoint(run, every_s=config.save_every_s, every_steps=config.save_every_steps),
    ]
    if config.patience:
        callbacks.append(
            ResumableEarlyStopping(
                VALIDATION_WER, patience=config.patience, check_on_train_epoch_end=False
            )
        )
    return callbacks
