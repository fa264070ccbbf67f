"""The model that a training begins with."""

import pickle
from pathlib import Path

import torch
from torch import nn
from whisper.model import LayerNorm, ModelDimensions, Whisper

from lab.asr import checkpoints, weights
from lab.asr.weights import ACTIVATIONS
from lab.core.errors import CheckpointError
from lab.core.progress import Progress, ignore
from lab.training import lora
from lab.training.config import Architecture, Config

# What every multilingual Whisper but the newest has: mel bands, positions, tokens.
_N_MELS, _AUDIO_POSITIONS, _TEXT_POSITIONS, _VOCABULARY = 80, 1500, 448, 51_865
_INITIAL_STD = 0.02  # as in transformers' WhisperConfig.init_std


def model_for(
    config: Config,
    models_dir: Path,
    *,
    saved: Path | None = None,
    on_progress: Progress = ignore,
) -> Whisper:
    """The network to train, in float32 on the processor, with what is trained marked.

    saved: a state of the run, if there is one; it serves where the model to start from is gone

    Raises CheckpointError if the model to start from cannot be had.
    """
    if config.architecture:
        model = from_nothing(config.architecture, seed=config.seed)
    else:
        try:
            model = checkpoints.load(config.model, models_dir=models_dir, on_progress=on_progress)
        except CheckpointError:
            known = _network_of(saved) if saved else None
            if known is None:
                raise
            model = known
    # Lightning's processes cannot share a sparse tensor; training has no use for it.
    model.register_buffer("alignment_heads", torch.empty(0), persistent=False)
    model.requires_grad_(True)
    if config.trains == "decoder":
        model.encoder.requires_grad_(False)
    elif config.trains == "lora":
        torch.manual_seed(config.seed)
        lora.put_beside(model, rank=config.lora_rank)
    return model.train()


def from_nothing(architecture: Architecture, *, seed: int) -> Whisper:
    """A Whisper that knows nothing yet; its weights depend on `seed` alone."""
    shape = (architecture.width, architecture.heads, architecture.layers)
    dims = ModelDimensions(_N_MELS, _AUDIO_POSITIONS, *shape, _VOCABULARY, _TEXT_POSITIONS, *shape)
    torch.manual_seed(seed)
    model = Whisper(dims)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Embedding):
            nn.init.normal_(module.weight, std=_INITIAL_STD)
            if not isinstance(module, nn.Embedding) and module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, LayerNorm):
            module.reset_parameters()
    # openai-whisper leaves it without content.
    nn.init.normal_(model.decoder.positional_embedding, std=_INITIAL_STD)
    for block in (*model.encoder.blocks, *model.decoder.blocks):
        block.mlp[1] = ACTIVATIONS[architecture.activation]()
    return model


def _network_of(saved: Path) -> Whisper | None:
    """The network of a state; None where there is none, or it does not say how it is made."""
    prefix = "model."  # the attribute of the module
    try:
        state = torch.load(saved, map_location="cpu", weights_only=True, mmap=True)
        named = {name.removeprefix(prefix): value for name, value in state["state_dict"].items()}
        checkpoint = weights.Checkpoint(
            state["dims"], lora.bare_state(named), activation=state["activation"]
        )
        return weights.build(checkpoint, called=str(saved))
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, KeyError, CheckpointError):
        return None
