"""Conversion between Hugging Face's Whisper folders and openai-whisper's tensor names.

The names are those of `transformers` (`models/whisper/modeling_whisper.py`, Apache-2.0), where
`convert_openai_to_hf.py` converts the other way. A folder contains `config.json` and the weights in
one of four formats, of which safetensors is preferred: it cannot contain code.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from lab.asr.openai import Checkpoint, load_pickle
from lab.core.errors import CheckpointError

_INDEX_ENDING = ".index.json"
_WEIGHTS = (
    "model.safetensors",
    f"model.safetensors{_INDEX_ENDING}",
    "pytorch_model.bin",
    f"pytorch_model.bin{_INDEX_ENDING}",
)
_MAX_JSON_BYTES = 10_000_000

# openai-whisper's dimensions → their names in `config.json`.
DIMS = {
    "n_mels": "num_mel_bins",
    "n_audio_ctx": "max_source_positions",
    "n_audio_state": "d_model",
    "n_audio_head": "encoder_attention_heads",
    "n_audio_layer": "encoder_layers",
    "n_vocab": "vocab_size",
    "n_text_ctx": "max_target_positions",
    "n_text_state": "d_model",
    "n_text_head": "decoder_attention_heads",
    "n_text_layer": "decoder_layers",
}
# Settings that change the architecture but no name or shape; openai-whisper supports only these.
FIXED = {"activation_function": "gelu", "scale_embedding": False}

_OUTSIDE_BLOCKS = {
    "encoder.conv1": "encoder.conv1",
    "encoder.conv2": "encoder.conv2",
    "encoder.layer_norm": "encoder.ln_post",
    "decoder.embed_tokens": "decoder.token_embedding",
    "decoder.layer_norm": "decoder.ln",
}
_POSITIONS = {
    "encoder.embed_positions.weight": "encoder.positional_embedding",
    "decoder.embed_positions.weight": "decoder.positional_embedding",
}
_PROJECTIONS = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "out"}
_BLOCK = {
    "self_attn_layer_norm": "attn_ln",
    "encoder_attn_layer_norm": "cross_attn_ln",
    "fc1": "mlp.0",
    "fc2": "mlp.2",
    "final_layer_norm": "mlp_ln",
    **{f"self_attn.{hf}": f"attn.{ours}" for hf, ours in _PROJECTIONS.items()},
    **{f"encoder_attn.{hf}": f"cross_attn.{ours}" for hf, ours in _PROJECTIONS.items()},
}
_TO_OUTSIDE_BLOCKS = {ours: theirs for theirs, ours in _OUTSIDE_BLOCKS.items()}
_TO_POSITIONS = {ours: theirs for theirs, ours in _POSITIONS.items()}
_TO_BLOCK = {ours: theirs for theirs, ours in _BLOCK.items()}


def is_model_folder(folder: Path) -> bool:
    """Whether `folder` looks like a Hugging Face model, even one that `read` would refuse."""
    names = (*_WEIGHTS, "adapter_config.json")
    return any((folder / name).is_file() for name in names)


def read(folder: Path, *, weights_path: Path | None = None) -> Checkpoint:
    """Read a checkpoint from a Hugging Face folder, in the precision of its file.

    weights_path: a file of the folder; by default safetensors before pickles

    Raises CheckpointError if something is missing, damaged, contains code, or is not a Whisper.
    """
    if (folder / "adapter_config.json").is_file():
        raise CheckpointError(
            f"{folder.name} contains a LoRA adapter, not a complete model. Merge it into its base "
            "model first (`merge_and_unload` in PEFT) and use the resulting folder."
        )
    dims = _dims(_read_json(folder / "config.json"), folder)
    if weights_path is None:
        present = [folder / name for name in _WEIGHTS if (folder / name).is_file()]
        if not present:
            raise CheckpointError(f"{folder.name} has no weights: model.safetensors is missing.")
        weights_path = present[0]
    return Checkpoint(dims=dims, state=_renamed(_tensors(weights_path), weights_path.name))


def to_hf_name(name: str) -> str:
    """The name in `transformers` of the tensor `name` of openai-whisper."""
    if name in _TO_POSITIONS:
        return f"model.{_TO_POSITIONS[name]}"
    stem, _, leaf = name.rpartition(".")
    if stem in _TO_OUTSIDE_BLOCKS:
        return f"model.{_TO_OUTSIDE_BLOCKS[stem]}.{leaf}"
    half, _, rest = stem.partition(".blocks.")
    layer, _, part = rest.partition(".")
    return f"model.{half}.layers.{layer}.{_TO_BLOCK[part]}.{leaf}"


def _dims(config: Mapping[str, Any], folder: Path) -> dict[str, int]:
    if config.get("model_type") != "whisper":
        raise CheckpointError(
            f"{folder.name} is not a Whisper model: its config.json has the model_type "
            f"{config.get('model_type')!r:.60}. Only Whisper models are supported."
        )
    problems = [f"{key} is missing" for key in DIMS.values() if key not in config]
    problems += [
        f"{key} is {config[key]!r:.60}, expected {value!r}"
        for key, value in FIXED.items()
        if config.get(key, value) != value
    ]
    if problems:
        raise CheckpointError(f"{folder.name}/config.json is not supported: {'; '.join(problems)}.")
    return {ours: config[theirs] for ours, theirs in DIMS.items()}


def _renamed(tensors: Mapping[str, torch.Tensor], label: str) -> dict[str, torch.Tensor]:
    """Rename tensors as in openai-whisper; unknown names stay, for `build` to report.

    Raises CheckpointError if the output layer differs from the token embedding.
    """
    state = {
        _openai_name(name.removeprefix("model.")): value
        for name, value in tensors.items()
        if name != "proj_out.weight"
    }
    projection = tensors.get("proj_out.weight")
    embedding = state.get("decoder.token_embedding.weight")
    if projection is not None and not _equal(projection, embedding):
        raise CheckpointError(
            f"{label} has an output layer (proj_out) that differs from its token embedding, which "
            "openai-whisper does not support. Train with tied embeddings."
        )
    return state


def _equal(a: object, b: object) -> bool:
    # A pickle may contain anything, such as a huge tensor expanded from one value.
    return (
        isinstance(a, torch.Tensor)
        and isinstance(b, torch.Tensor)
        and a.layout == b.layout == torch.strided
        and a.is_contiguous()
        and b.is_contiguous()
        and torch.equal(a.float(), b.float())
    )


def _openai_name(name: str) -> str:
    if name in _POSITIONS:
        return _POSITIONS[name]
    stem, _, leaf = name.rpartition(".")
    if stem in _OUTSIDE_BLOCKS:
        return f"{_OUTSIDE_BLOCKS[stem]}.{leaf}"
    half, _, rest = stem.partition(".layers.")
    layer, _, part = rest.partition(".")
    return f"{half}.blocks.{layer}.{_BLOCK[part]}.{leaf}" if part in _BLOCK else name


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    if not path.name.endswith(_INDEX_ENDING):
        return _tensors_of_file(path)
    weight_map = _read_json(path).get("weight_map")
    if not isinstance(weight_map, dict) or not all(
        isinstance(file, str) for file in weight_map.values()
    ):
        raise CheckpointError(f"{path.name} is damaged: it has no valid weight_map.")
    tensors: dict[str, torch.Tensor] = {}
    for file in sorted(set(weight_map.values())):
        if Path(file).name != file or "\\" in file:
            raise CheckpointError(f"{path.name} refers to a path outside its folder: {file!r:.80}.")
        tensors |= _tensors_of_file(path.with_name(file))
    missing = sorted(set(weight_map) - set(tensors))
    if missing:
        raise CheckpointError(f"{path.name} lists {missing[0]:.80}, which is in none of its files.")
    return tensors


def _tensors_of_file(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise CheckpointError(
            f"{path.name} is missing in {path.parent.name}. Add it to the folder."
        )
    if path.suffix != ".safetensors":
        loaded = load_pickle(path)
        if not isinstance(loaded, dict) or not all(isinstance(name, str) for name in loaded):
            raise CheckpointError(f"{path.name} does not contain a state dict.")
        return loaded
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{path.name} is truncated or damaged ({error!s:.80}). Download or copy it again."
        ) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise CheckpointError(
                f"{path.name} is too large: more than {_MAX_JSON_BYTES // 1_000_000} MB."
            )
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path.name} is missing in {path.parent.name}; it contains the dimensions of the "
            "model. Use the whole Hugging Face folder."
        ) from error
    except (OSError, ValueError, RecursionError) as error:  # ValueError: invalid JSON or UTF-8
        raise CheckpointError(f"{path.name} is damaged: {error!s:.80}.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path.name} is damaged: expected a JSON object.")
    return content
