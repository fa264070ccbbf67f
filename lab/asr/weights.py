"""Checkpoints: reading them from any format, validating, building the model, saving.

No model leaves this module incomplete: tensor names, shapes and values are checked.
"""

import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import whisper
from torch import nn
from torch.nn import init
from torch.overrides import TorchFunctionMode
from whisper.model import AudioEncoder, ModelDimensions, TextDecoder, Whisper

from lab.asr import ctranslate2, huggingface, openai
from lab.asr.official_models import MODELS
from lab.asr.openai import Checkpoint
from lab.core.errors import CheckpointError, WorkspaceError
from lab.core.workspace import atomic_write

__all__ = ["ACTIVATIONS", "Checkpoint", "activation_of", "build", "read", "save"]

# Between the linear layers of a block; official models use gelu.
ACTIVATIONS: Mapping[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU, "silu": nn.SiLU}

# Far above any Whisper, far below what would exhaust memory. Mel bands and vocabulary are those
# that openai-whisper's filter bank and tokenizers support.
_BOUNDS = {
    "n_mels": (80, 128),
    "n_audio_ctx": (1, 6_000),
    "n_audio_state": (4, 4_096),
    "n_audio_head": (1, 64),
    "n_audio_layer": (1, 64),
    "n_vocab": (51_864, 100_000),
    "n_text_ctx": (1, 4_096),
    "n_text_state": (4, 4_096),
    "n_text_head": (1, 64),
    "n_text_layer": (1, 64),
}


def read(path: Path) -> Checkpoint:
    """Read a checkpoint from a file or folder of any supported format, detected by its content.

    Tensor names and shapes are checked by `build`. Raises CheckpointError.
    """
    if path.is_dir():
        if huggingface.is_model_folder(path):
            return huggingface.read(path)
        inside = [path / name for name in ("model.pt", "model.bin") if (path / name).is_file()]
        if not inside:
            raise CheckpointError(
                f"The folder {path.name} contains no Whisper model: expected config.json with "
                "model.safetensors (Hugging Face), model.bin (CTranslate2) or model.pt (openai)."
            )
        return read(inside[0])
    if path.suffix == ".safetensors" or path.name.startswith("pytorch_model"):
        return huggingface.read(path.parent, weights_path=path)
    try:
        with path.open("rb") as file:
            head = file.read(64)
        if ctranslate2.is_model_file(head):
            with path.open("rb") as file:
                # Closed by the garbage collector: a traceback may still refer to it.
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return ctranslate2.read(data, label=path.name)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from error
    if head[:4] in (b"lmgg", b"GGUF"):
        raise CheckpointError(
            f"{path.name} is a whisper.cpp (ggml) file, which is not supported. Use the model that "
            "it was converted from: a .pt file or a Hugging Face folder."
        )
    return openai.read(path)


def build(checkpoint: Checkpoint, *, label: str, alignment_heads_of: str | None = None) -> Whisper:
    """Build a Whisper model in float32 on the CPU, in eval mode, from `checkpoint`.

    label: the checkpoint's name in messages
    alignment_heads_of: the official model whose heads to use for word timestamps; by default one
        of the same shape (fine-tuning does not move them), else openai-whisper's default heads

    Raises CheckpointError.
    """
    dims = _checked_dims(checkpoint.dims, label)
    # The meta device allocates and initializes nothing, which saves a second per load and makes
    # wrong dimensions cheap. It does not support sparse alignment heads: hence the tiny Whisper.
    with torch.device("meta"), _WithoutSympy():
        encoder = AudioEncoder(
            dims.n_mels, dims.n_audio_ctx, dims.n_audio_state, dims.n_audio_head, dims.n_audio_layer
        )
        decoder = TextDecoder(
            dims.n_vocab, dims.n_text_ctx, dims.n_text_state, dims.n_text_head, dims.n_text_layer
        )
    model = Whisper(ModelDimensions(1, 1, 4, 1, 0, 1, 1, 4, 1, 0))
    model.dims, model.encoder, model.decoder = dims, encoder, decoder
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict(_checked_state(checkpoint.state, expected, label), assign=True)
    # Not part of a checkpoint, and therefore still on the meta device.
    mask = torch.full((dims.n_text_ctx, dims.n_text_ctx), -torch.inf).triu_(1)
    model.decoder.register_buffer("mask", mask, persistent=False)
    shape = (dims.n_text_layer, dims.n_text_head, dims.n_vocab)
    # Newest first: large-v1 and large-v2 have the same shape.
    same_shape = [o.name for o in reversed(MODELS) if o.text_layers_heads_vocab == shape]
    if same_shape:
        chosen = alignment_heads_of if alignment_heads_of in same_shape else same_shape[0]
        model.set_alignment_heads(whisper._ALIGNMENT_HEADS[chosen])
    else:
        heads = torch.zeros(dims.n_text_layer, dims.n_text_head, dtype=torch.bool)
        heads[dims.n_text_layer // 2 :] = True
        model.register_buffer("alignment_heads", heads.to_sparse(), persistent=False)
    _set_activation(model, checkpoint.activation, label)
    return model.eval()


def activation_of(model: Whisper) -> str:
    """The name of the activation between the linear layers of the blocks of `model`."""
    kind = type(model.decoder.blocks[0].mlp[1])
    return next(name for name, known in ACTIVATIONS.items() if known is kind)


def _set_activation(model: Whisper, name: object, label: str) -> None:
    if not isinstance(name, str) or name not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise CheckpointError(f"{label} has the activation {name!r:.40}; expected one of: {known}.")
    for block in (*model.encoder.blocks, *model.decoder.blocks):
        block.mlp[1] = ACTIVATIONS[name]()


class _WithoutSympy(TorchFunctionMode):
    """Keep torch, in this thread, from importing sympy for operations on the meta device.

    That takes 140 MB and most of a second, to fill tensors that have no memory.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (init.normal_, init.uniform_, init.kaiming_uniform_):
            return None
        if func is torch.Tensor.triu_:
            return args[0]
        if func is torch.arange:
            return func(*args, **(kwargs or {}), device="cpu")
        return func(*args, **(kwargs or {}))


def save(checkpoint: Checkpoint, target: Path) -> None:
    """Write `checkpoint` atomically in openai-whisper's `.pt` format.

    Raises CheckpointError.
    """
    # Clones, because torch saves the whole storage behind a view.
    state = {key: value.detach().clone().contiguous() for key, value in checkpoint.state.items()}
    content: dict[str, Any] = {"dims": dict(checkpoint.dims), "model_state_dict": state}
    if checkpoint.activation != "gelu":  # which openai-whisper always uses; it ignores the key
        content["activation"] = checkpoint.activation
    try:
        with atomic_write(target) as temporary:
            torch.save(content, temporary)
    # torch's zip writer reports a full disk as a RuntimeError.
    except (WorkspaceError, RuntimeError) as error:
        raise CheckpointError(
            f"{target} could not be written ({error.__cause__ or error}). "
            "Check the free space on the disk."
        ) from error


def _checked_dims(dims: Mapping[str, int], label: str) -> ModelDimensions:
    if set(dims) != set(_BOUNDS):
        different = ", ".join(sorted(map(str, set(dims) ^ set(_BOUNDS))))
        raise CheckpointError(
            f"{label} is not a Whisper checkpoint: missing or unknown dimensions: {different}."
        )
    problems = [
        f"{key} is {dims[key]!r}, expected an integer from {low} to {high}"
        for key, (low, high) in _BOUNDS.items()
        if type(dims[key]) is not int or not low <= dims[key] <= high
    ]
    if not problems:
        problems = [
            f"{half}_state ({dims[f'{half}_state']}) must be even and divisible by "
            f"{half}_head ({dims[f'{half}_head']})"
            for half in ("n_audio", "n_text")
            if dims[f"{half}_state"] % dims[f"{half}_head"] or dims[f"{half}_state"] % 2
        ]
        if dims["n_audio_state"] != dims["n_text_state"]:
            problems.append("n_audio_state and n_text_state differ")
        if dims["n_mels"] not in _BOUNDS["n_mels"]:
            problems.append(f"n_mels is {dims['n_mels']}, expected 80 or 128")
    if problems:
        raise CheckpointError(f"{label} has invalid Whisper dimensions: {'; '.join(problems)}.")
    return ModelDimensions(**dims)


def _checked_state(
    state: Mapping[str, torch.Tensor], expected: Mapping[str, tuple[int, ...]], label: str
) -> dict[str, torch.Tensor]:
    """Check names, shapes and values of `state`, and return float32 copies."""
    problems = [f"{key} is missing" for key in expected if key not in state]
    problems += [f"{key!s:.80} is unknown" for key in state if key not in expected]
    for key in expected.keys() & state.keys():
        value = state[key]
        if not (
            isinstance(value, torch.Tensor)
            and value.layout == torch.strided
            and value.device.type == "cpu"
            and value.dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64)
        ):
            problems.append(f"{key} is not a dense floating-point tensor")
        elif tuple(value.shape) != expected[key]:
            problems.append(f"{key} has shape {tuple(value.shape)}, expected {expected[key]}")
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise CheckpointError(
            f"{label} is not a complete Whisper checkpoint: {'; '.join(problems[:3])}{more}. "
            "It may be truncated, from another program, or of another kind of model."
        )
    checked = {}
    for key in expected:
        checked[key] = state[key].detach().to(torch.float32, copy=True).contiguous()
        # One pass without a temporary array: any NaN or infinity makes the sum NaN or infinite.
        if not torch.isfinite(checked[key].sum()):
            raise CheckpointError(
                f"{label} is damaged: {key} contains NaN or infinite values. "
                "If training produced it, training diverged: use an earlier checkpoint."
            )
    return checked
