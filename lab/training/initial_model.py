"""The model with which a training starts."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from whisper.model import LayerNorm, ModelDimensions, Whisper

from lab.asr import checkpoints, weights
from lab.asr.weights import ACTIVATIONS
from lab.core.errors import CheckpointError
from lab.core.progress import Progress, ignore
from lab.training import lora
from lab.training.config import Architecture, Config

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


def model_state_dict(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights in a checkpoint of Lightning, under the names of the model in training."""
    prefix = "model."  # the attribute of the Lightning module
    named = {name.removeprefix(prefix): value for name, value in checkpoint["state_dict"].items()}
    return lora.with_current_names(named)


def _base_model_of(path: Path) -> Whisper | None:
    """The model in a checkpoint, without LoRA; None if that cannot be read."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        state = lora.base_state_dict(model_state_dict(content))
        checkpoint = weights.Checkpoint(content["dims"], state, activation=content["activation"])
        return weights.build(checkpoint, label=str(path))
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, KeyError, CheckpointError):
        return None
