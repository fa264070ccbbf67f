"""CTranslate2's `model.bin` of a Whisper, read into openai-whisper's names, and their opposite.

The format, version 6, little-endian: uint32 version, string spec, uint32 revision, uint32 count;
for each variable: string name, uint8 rank, uint32 for each dimension, uint8 type, uint32 bytes,
data; then uint32 count of aliases and two strings for each. A string is a uint16 length, in which
its closing NUL counts, and bytes. From `ctranslate2/specs/model_spec.py` (`_serialize`); the names
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
# What Whisper's network is in CTranslate2's terms; a file without a constant means this value.
_CONSTANTS = {
    "decoder/activation": _GELU,
    "decoder/pre_norm": 1,
    "decoder/alibi": 0,
    "decoder/scale_embeddings": 0,
    "decoder/start_from_zero_embedding": 0,
}


def is_model_file(head: bytes) -> bool:
    """Whether a file that begins with `head` (20 bytes or more) is a Whisper of CTranslate2."""
    spec = _SPEC.encode() + b"\0"
    return head[4:].startswith(struct.pack("<H", len(spec)) + spec)


def read(data: bytes | bytearray | mmap.mmap, *, called: str) -> Checkpoint:
    """The checkpoint in the bytes of a `model.bin`, in the precision of the file.

    `called` names the file in messages. Raises CheckpointError if it is cut off, rounded to
    integers, of another version, or no Whisper.
    """
    variables = _Reader(data, called).variables()
    for name, expected in _CONSTANTS.items():
        if name in variables and variables[name].flatten().tolist() != [expected]:
            raise CheckpointError(f"{called} is no Whisper: {name} differs from Whisper's.")
    state: dict[str, torch.Tensor] = {}
    for name, value in variables.items():
        if value.dtype in _FLOATS.values():
            state |= _renamed(name, value, called)
        elif value.dim() > 0:
            raise CheckpointError(
                f"{called} was rounded to whole numbers (int8 or int16), which cannot be undone. "
                "Bring the model that it was made from, or a float16 or float32 conversion."
            )
    return Checkpoint(dims=_dims(variables, state, called), state=state)


def written_variables(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of a Whisper under CTranslate2's names, its projections stacked.

    state: under openai-whisper's names; the opposite of `read`, but for the constants
    """
    found = {theirs: state[ours] for theirs, ours in _POSITIONS.items()}
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
            # Only a key's bias is missing among its neighbours.
            like = next(piece for piece in pieces if piece is not None)
            found[f"{stem}/{leaf}"] = torch.cat(
                [torch.zeros_like(like) if piece is None else piece for piece in pieces]
            )
    return found


def _renamed(name: str, value: torch.Tensor, called: str) -> dict[str, torch.Tensor]:
    """The tensors of one variable under openai-whisper's names."""
    if name in _POSITIONS:
        return {_POSITIONS[name]: value}
    stem, _, leaf = name.rpartition("/")
    if leaf in _LEAVES and stem in _OUTSIDE_BLOCKS:
        return {f"{_OUTSIDE_BLOCKS[stem]}.{_LEAVES[leaf]}": value}
    half, _, rest = stem.partition("/layer_")
    layer, _, part = rest.partition("/")
    if leaf not in _LEAVES or part not in _BLOCK or half not in ("encoder", "decoder"):
        raise CheckpointError(f"{called} is no Whisper: it holds an unknown part, {name:.80}.")
    names = _BLOCK[part]
    if value.dim() == 0 or value.shape[0] % len(names):
        raise CheckpointError(f"{called} is damaged: {name} has shape {tuple(value.shape)}.")
    return {
        f"{half}.blocks.{layer}.{new_name}.{_LEAVES[leaf]}": piece
        for new_name, piece in zip(names, value.chunk(len(names)), strict=True)
        # Softmax does not see what is added to all keys alike, so Whisper's keys have no bias.
        if not (new_name.endswith(".key") and leaf == "bias")
    }


def _dims(
    variables: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor], called: str
) -> dict[str, int]:
    def size(key: str, rank: int, axis: int) -> int:
        if key not in state or state[key].dim() != rank:
            raise CheckpointError(f"{called} is no Whisper, or damaged: {key} is missing or odd.")
        return state[key].shape[axis]

    def heads(half: str) -> int:
        value = variables.get(f"{half}/num_heads")
        if value is None or value.numel() != 1 or value.dtype not in _INTEGERS.values():
            raise CheckpointError(f"{called} is no Whisper, or damaged: {half}/num_heads is odd.")
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
    """A position in hostile bytes; every read is checked against what is left."""

    def __init__(self, data: bytes | bytearray | mmap.mmap, called: str) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._called = called

    def variables(self) -> dict[str, torch.Tensor]:
        version = self._number("I")
        spec = self._string()
        if (version, spec) != (_VERSION, _SPEC):
            raise CheckpointError(
                f"{self._called} is CTranslate2's format {version} of a {spec:.40}; expected "
                f"format {_VERSION} of a {_SPEC}. Convert the model with a current CTranslate2."
            )
        self._number("I")  # the revision: 3 since Whisper's word times; the weights are the same
        found: dict[str, torch.Tensor] = {}
        # No bound on the count is needed: each variable takes bytes, and these run out.
        for _ in range(self._number("I")):
            name = self._string()
            if name in found:
                raise self._damaged(f"{name:.80} comes twice")
            found[name] = self._tensor(name)
        for _ in range(self._number("I")):
            alias, name = self._string(), self._string()
            if name not in found or alias in found:
                raise self._damaged(f"the alias {alias:.80} leads nowhere")
            # Whisper's output layer is its embedding: an alias is how CTranslate2 says so.
            if (alias, name) != ("decoder/projection/weight", "decoder/embeddings/weight"):
                found[alias] = found[name]
        if self._at != len(self._data):
            raise self._damaged(f"{len(self._data) - self._at} bytes follow its end")
        return found

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
        # A copy: names of any length come before it, so the data lie at odd addresses.
        copy = bytearray(self._take(n_bytes))
        return torch.frombuffer(copy, dtype=_TYPES[kind]).reshape(shape)

    def _string(self) -> str:
        text = bytes(self._take(self._number("H")))
        if not text.endswith(b"\0") or not text.isascii():
            raise self._damaged(f"a name is expected at byte {self._at}")
        return text[:-1].decode("ascii")

    def _number(self, kind: str) -> int:
        size = struct.calcsize(f"<{kind}")
        return int(struct.unpack(f"<{kind}", self._take(size))[0])

    def _take(self, count: int) -> memoryview:
        if count > len(self._data) - self._at:
            raise self._damaged(
                f"it ends after {len(self._data)} bytes, in the middle of something"
            )
        self._at += count
        return self._data[self._at - count : self._at]

    def _damaged(self, what: str) -> CheckpointError:
        return CheckpointError(f"{self._called} is cut off or damaged: {what}. Get the file again.")
