"""Conversion between CTranslate2's `model.bin` and openai-whisper's tensor names.

The format, version 6, little-endian: uint32 version, string spec, uint32 revision, uint32 count;
for each variable: string name, uint8 rank, uint32 for each dimension, uint8 type, uint32 bytes,
data; then uint32 count of aliases and two strings for each. A string is a uint16 length, including
its terminating NUL, and bytes. From `ctranslate2/specs/model_spec.py` (`_serialize`); the names
from `specs/whisper_spec.py` and `specs/transformer_spec.py` (MIT).
"""

import math
import mmap
import struct
from collections.abc import Mapping

import torch

from lab.asr.openai import Checkpoint
from lab.core.errors import CheckpointError

_VERSION = 6
_SPEC = "WhisperSpec"
_GELU = 3  # ctranslate2.specs.common_spec.Activation.GELU
_MAX_RANK = 4
_FLOATS = {0: torch.float32, 4: torch.float16, 5: torch.bfloat16}
_INTEGERS = {1: torch.int8, 2: torch.int16, 3: torch.int32}
_TYPES = _FLOATS | _INTEGERS

# A variable that holds several projections stacks them along its first axis.
_BLOCK = {
    "self_attention/layer_norm": ("attn_ln",),
    "self_attention/linear_0": ("attn.query", "attn.key", "attn.value"),
    "self_attention/linear_1": ("attn.out",),
    "attention/layer_norm": ("cross_attn_ln",),
    "attention/linear_0": ("cross_attn.query",),
    "attention/linear_1": ("cross_attn.key", "cross_attn.value"),
    "attention/linear_2": ("cross_attn.out",),
    "ffn/layer_norm": ("mlp_ln",),
    "ffn/linear_0": ("mlp.0",),
    "ffn/linear_1": ("mlp.2",),
}
_OUTSIDE_BLOCKS = {
    "encoder/conv1": "encoder.conv1",
    "encoder/conv2": "encoder.conv2",
    "encoder/layer_norm": "encoder.ln_post",
    "decoder/embeddings": "decoder.token_embedding",
    "decoder/layer_norm": "decoder.ln",
}
_LEAVES = {"weight": "weight", "gamma": "weight", "bias": "bias", "beta": "bias"}
_NORM_LEAVES = ("gamma", "beta")
_POSITIONS = {
    "encoder/position_encodings/encodings": "encoder.positional_embedding",
    "decoder/position_encodings/encodings": "decoder.positional_embedding",
}
# Whisper's architecture in CTranslate2's terms; these are also the values of absent constants.
_CONSTANTS = {
    "decoder/activation": _GELU,
    "decoder/pre_norm": 1,
    "decoder/alibi": 0,
    "decoder/scale_embeddings": 0,
    "decoder/start_from_zero_embedding": 0,
}


def is_model_file(head: bytes) -> bool:
    """Whether a file starting with `head` (at least 20 bytes) is a CTranslate2 Whisper model."""
    spec = _SPEC.encode() + b"\0"
    return head[4:].startswith(struct.pack("<H", len(spec)) + spec)


def read(data: bytes | bytearray | mmap.mmap, *, label: str) -> Checkpoint:
    """Read a checkpoint from the bytes of a `model.bin`, in the precision of the file.

    `label` is the file's name in messages. Raises CheckpointError if it is truncated, quantized to
    integers, of another version, or not a Whisper.
    """
    variables = _Reader(data, label).variables()
    for name, expected in _CONSTANTS.items():
        if name in variables and variables[name].flatten().tolist() != [expected]:
            raise CheckpointError(f"{label} is not a Whisper model: {name} differs.")
    state: dict[str, torch.Tensor] = {}
    for name, value in variables.items():
        if value.dtype in _FLOATS.values():
            state |= _renamed(name, value, label)
        elif value.dim() > 0:
            raise CheckpointError(
                f"{label} is quantized to int8 or int16, which cannot be undone. Use the model "
                "that it was converted from, or a float16 or float32 conversion."
            )
    return Checkpoint(dims=_dims(variables, state, label), state=state)


def to_ctranslate2(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename and stack weights as CTranslate2 does; the inverse of `read`, without constants.

    state: weights under openai-whisper's names
    """
    variables = {theirs: state[ours] for theirs, ours in _POSITIONS.items()}
    stems: dict[str, tuple[str, ...]] = {stem: (ours,) for stem, ours in _OUTSIDE_BLOCKS.items()}
    layers = {tuple(name.split(".")[:3:2]) for name in state if ".blocks." in name}
    stems |= {
        f"{half}/layer_{layer}/{part}": tuple(f"{half}.blocks.{layer}.{ours}" for ours in names)
        for half, layer in layers
        for part, names in _BLOCK.items()
    }
    for stem, names in stems.items():
        is_norm = stem.endswith("layer_norm")
        for leaf, ours in _LEAVES.items():
            pieces = [state.get(f"{name}.{ours}") for name in names]
            if is_norm != (leaf in _NORM_LEAVES) or all(piece is None for piece in pieces):
                continue
            # Only the key projection has no bias.
            like = next(piece for piece in pieces if piece is not None)
            variables[f"{stem}/{leaf}"] = torch.cat(
                [torch.zeros_like(like) if piece is None else piece for piece in pieces]
            )
    return variables


def _renamed(name: str, value: torch.Tensor, label: str) -> dict[str, torch.Tensor]:
    """The tensors of one variable under openai-whisper's names."""
    if name in _POSITIONS:
        return {_POSITIONS[name]: value}
    stem, _, leaf = name.rpartition("/")
    if leaf in _LEAVES and stem in _OUTSIDE_BLOCKS:
        return {f"{_OUTSIDE_BLOCKS[stem]}.{_LEAVES[leaf]}": value}
    half, _, rest = stem.partition("/layer_")
    layer, _, part = rest.partition("/")
    if leaf not in _LEAVES or part not in _BLOCK or half not in ("encoder", "decoder"):
        raise CheckpointError(f"{label} is not a Whisper model: unknown variable {name:.80}.")
    names = _BLOCK[part]
    if value.dim() == 0 or value.shape[0] % len(names):
        raise CheckpointError(f"{label} is damaged: {name} has shape {tuple(value.shape)}.")
    return {
        f"{half}.blocks.{layer}.{new_name}.{_LEAVES[leaf]}": piece
        for new_name, piece in zip(names, value.chunk(len(names)), strict=True)
        # Softmax is invariant to a bias of the keys, so Whisper has none.
        if not (new_name.endswith(".key") and leaf == "bias")
    }


def _dims(
    variables: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor], label: str
) -> dict[str, int]:
    def size(key: str, rank: int, axis: int) -> int:
        if key not in state or state[key].dim() != rank:
            raise CheckpointError(f"{label} is damaged or not Whisper: {key} is wrong.")
        return state[key].shape[axis]

    def heads(half: str) -> int:
        value = variables.get(f"{half}/num_heads")
        if value is None or value.numel() != 1 or value.dtype not in _INTEGERS.values():
            raise CheckpointError(f"{label} is damaged or not Whisper: {half}/num_heads is wrong.")
        return int(value)

    def layers(half: str) -> int:
        return len({key.split(".")[2] for key in state if key.startswith(f"{half}.blocks.")})

    return {
        "n_mels": size("encoder.conv1.weight", 3, 1),
        "n_audio_ctx": size("encoder.positional_embedding", 2, 0),
        "n_audio_state": size("encoder.positional_embedding", 2, 1),
        "n_audio_head": heads("encoder"),
        "n_audio_layer": layers("encoder"),
        "n_vocab": size("decoder.token_embedding.weight", 2, 0),
        "n_text_ctx": size("decoder.positional_embedding", 2, 0),
        "n_text_state": size("decoder.positional_embedding", 2, 1),
        "n_text_head": heads("decoder"),
        "n_text_layer": layers("decoder"),
    }


class _Reader:
    """Parses untrusted bytes; every read is checked against the remaining length."""

    def __init__(self, data: bytes | bytearray | mmap.mmap, label: str) -> None:
        self._data = memoryview(data)
        self._offset = 0
        self._label = label

    def variables(self) -> dict[str, torch.Tensor]:
        version = self._number("I")
        spec = self._string()
        if (version, spec) != (_VERSION, _SPEC):
            raise CheckpointError(
                f"{self._label} has CTranslate2's format {version} with {spec:.40}; expected "
                f"format {_VERSION} with {_SPEC}. Convert the model with a current CTranslate2."
            )
        self._number("I")  # the revision: 3 since word timestamps; the weights are the same
        variables: dict[str, torch.Tensor] = {}
        # The count needs no bound: each variable takes bytes, and these run out.
        for _ in range(self._number("I")):
            name = self._string()
            if name in variables:
                raise self._damaged(f"duplicate variable {name:.80}")
            variables[name] = self._tensor(name)
        for _ in range(self._number("I")):
            alias, name = self._string(), self._string()
            if name not in variables or alias in variables:
                raise self._damaged(f"invalid alias {alias:.80}")
            # Whisper's output layer is its embedding, which CTranslate2 stores as an alias.
            if (alias, name) != ("decoder/projection/weight", "decoder/embeddings/weight"):
                variables[alias] = variables[name]
        if self._offset != len(self._data):
            raise self._damaged(f"{len(self._data) - self._offset} unexpected bytes at the end")
        return variables

    def _tensor(self, name: str) -> torch.Tensor:
        rank = self._number("B")
        if rank > _MAX_RANK:
            raise self._damaged(f"{name:.80} has {rank} dimensions")
        shape = [self._number("I") for _ in range(rank)]
        kind, n_bytes = self._number("B"), self._number("I")
        if kind not in _TYPES:
            raise self._damaged(f"{name:.80} has the unknown type {kind}")
        if n_bytes != math.prod(shape) * _TYPES[kind].itemsize or n_bytes == 0:
            raise self._damaged(f"{name:.80} has {n_bytes} bytes for shape {tuple(shape)}")
        # A copy, because the data follow names of any length and are not aligned.
        copy = bytearray(self._read(n_bytes))
        return torch.frombuffer(copy, dtype=_TYPES[kind]).reshape(shape)

    def _string(self) -> str:
        text = bytes(self._read(self._number("H")))
        if not text.endswith(b"\0") or not text.isascii():
            raise self._damaged(f"expected a name at byte {self._offset}")
        return text[:-1].decode("ascii")

    def _number(self, kind: str) -> int:
        size = struct.calcsize(f"<{kind}")
        return int(struct.unpack(f"<{kind}", self._read(size))[0])

    def _read(self, count: int) -> memoryview:
        if count > len(self._data) - self._offset:
            raise self._damaged(f"it ends unexpectedly after {len(self._data)} bytes")
        self._offset += count
        return self._data[self._offset - count : self._offset]

    def _damaged(self, what: str) -> CheckpointError:
        return CheckpointError(f"{self._label} is truncated or damaged: {what}. Copy it again.")
