"""The model of a run, from the weights that its training starts with to its best checkpoint."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn
from whisper.model import LayerNorm, ModelDimensions, Whisper

from lab.asr import checkpoints, weights
from lab.asr.weights import ACTIVATIONS, Checkpoint
from lab.core.errors import CheckpointError, OptionsError
from lab.core.progress import Progress, ignore
from lab.evaluation.report_files import CSV_NAME, JSON_NAME
from lab.training import lora
from lab.training.config import Architecture, Config
from lab.training.run import HEALTH, Run

# As in all multilingual Whisper models up to large-v2.
_N_MELS, _N_AUDIO_CTX, _N_TEXT_CTX, _N_VOCAB = 80, 1500, 448, 51_865
_INITIAL_STD = 0.02  # as in transformers' WhisperConfig.init_std


def load_initial_model(
    config: Config,
    models_dir: Path,
    *,
    checkpoint: Path | None = None,
    on_progress: Progress = ignore,
) -> Whisper:
    """Load or initialize the model to train, in float32 on the CPU.

    Only the parameters to train require gradients.

    checkpoint: of the run, if there is one; used if the model to fine-tune is no longer available

    Raises CheckpointError if the model to fine-tune is unavailable.
    """
    if config.architecture:
        model = from_scratch(config.architecture, seed=config.seed)
    else:
        try:
            model = checkpoints.load(config.model, models_dir=models_dir, on_progress=on_progress)
        except CheckpointError:
            base = _base_model_of(checkpoint) if checkpoint else None
            if base is None:
                raise
            model = base
    # Lightning's processes cannot share a sparse tensor; training does not need this one.
    model.register_buffer("alignment_heads", torch.empty(0), persistent=False)
    model.requires_grad_(True)
    if config.trainable == "decoder":
        model.encoder.requires_grad_(False)
    elif config.trainable == "lora":
        torch.manual_seed(config.seed)
        lora.apply_lora(model, rank=config.lora_rank)
    return model.train()


def from_scratch(architecture: Architecture, *, seed: int) -> Whisper:
    """Initialize a Whisper of a custom architecture; its weights depend on `seed` alone."""
    shape = (architecture.hidden_size, architecture.heads, architecture.layers)
    dims = ModelDimensions(_N_MELS, _N_AUDIO_CTX, *shape, _N_VOCAB, _N_TEXT_CTX, *shape)
    torch.manual_seed(seed)
    model = Whisper(dims)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Embedding):
            nn.init.normal_(module.weight, std=_INITIAL_STD)
            if not isinstance(module, nn.Embedding) and module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, LayerNorm):
            module.reset_parameters()
    # openai-whisper leaves it uninitialized.
    nn.init.normal_(model.decoder.positional_embedding, std=_INITIAL_STD)
    for block in (*model.encoder.blocks, *model.decoder.blocks):
        block.mlp[1] = ACTIVATIONS[architecture.activation]()
    return model


def keep_best_checkpoint(run: Run, *, on_progress: Progress = ignore) -> None:
    """Turn the best checkpoint of a stopped or failed run into its model.

    The checkpoints stay, so that the run can be resumed; a better checkpoint then replaces the
    model. Raises OptionsError if there was no validation yet, CheckpointError if the model that the
    run fine-tunes is unavailable.
    """
    best = run.best_checkpoint
    if not best.is_file():
        raise OptionsError(f"The run {run.name} has no checkpoint yet. Resume it first.")
    models_dir = run.workspace.models_dir
    model = load_initial_model(run.config, models_dir, checkpoint=best, on_progress=on_progress)
    write_best_model(run, model)


def write_best_model(run: Run, model: Whisper) -> None:
    """Load the best checkpoint into `model`, and save that as the run's model.

    Reports about an earlier model of the run are removed. Raises CheckpointError if the checkpoint
    is damaged or writing fails; the earlier model and its reports then stay.

    model: as loaded by `load_initial_model`
    """
    with _opened(run.best_checkpoint) as best:
        model.load_state_dict(best["state_dict"])
    weights.save(merged_checkpoint(model), run.model_path)
    for name in (JSON_NAME, CSV_NAME, HEALTH):
        (run.folder / name).unlink(missing_ok=True)


def merged_checkpoint(model: Whisper) -> Checkpoint:
    """The weights of a model in training as those of a plain Whisper, with LoRA merged."""
    return Checkpoint(
        vars(model.dims), lora.merged_state_dict(model), activation=weights.activation_of(model)
    )


def _base_model_of(path: Path) -> Whisper | None:
    """The model in a checkpoint, without LoRA; None if that cannot be read."""
    with suppress(CheckpointError), _opened(path) as content:
        state = lora.base_state_dict(content["state_dict"])
        checkpoint = Checkpoint(content["dims"], state, activation=content["activation"])
        return weights.build(checkpoint, label=str(path))
    return None


@contextmanager
def _opened(path: Path) -> Iterator[dict[str, Any]]:
    """A checkpoint of Lightning, with the parameter names of the model in training.

    Raises CheckpointError if it, or what the `with` block reads from it, is damaged.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        prefix = "model."  # the attribute of the Lightning module
        state = {name.removeprefix(prefix): v for name, v in content["state_dict"].items()}
        yield {**content, "state_dict": lora.with_current_names(state)}
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, KeyError) as error:
        raise CheckpointError(f"{path} is damaged ({error!s:.200}). Resume the run.") from error
