"""Whisper's own modules, driven with a cache of keys and values and without hooks.

openai-whisper grows its cache by concatenation through forward hooks on shared modules: a copy of
everything at each token, and not safe for two threads. Here the same modules are called layer by
layer and their keys and values are kept in buffers of full length, so a step costs one read of the
weights and of the cache, and a network can be used by several decodings in turn.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from whisper.model import MultiHeadAttention, ResidualAttentionBlock, Whisper

from lab.asr.devices import Device


@dataclass
class Cache:
    """Keys and values of the windows that are being decoded.

    Each tensor has shape (rows, heads, positions, head width). The self-attention buffers have a
    row for each hypothesis, of which the first `length` positions are filled; the cross-attention
    tensors have a row for each window, which its `group` hypotheses share.
    """

    self_keys: list[Tensor]
    self_values: list[Tensor]
    cross_keys: list[Tensor]
    cross_values: list[Tensor]
    group: int
    length: int = 0
    # What the last step asked the audio for, one tensor a layer; `lab.asr.timing` reads it.
    cross_queries: list[Tensor] = field(default_factory=list)

    def keep_windows(self, windows: Tensor) -> None:
        """Go on with these windows only, shape (windows,), in this order."""
        offsets = torch.arange(self.group, device=windows.device)
        self.keep_rows((windows[:, None] * self.group + offsets).flatten())
        self.cross_keys = [keys[windows] for keys in self.cross_keys]
        self.cross_values = [values[windows] for values in self.cross_values]

    def keep_rows(self, rows: Tensor) -> None:
        """Row i goes on from what was row `rows[i]` (of the same window), shape (rows,)."""
        for buffers in (self.self_keys, self.self_values):
            for layer, buffer in enumerate(buffers):
                kept = buffer.new_empty((len(rows), *buffer.shape[1:]))
                kept[:, :, : self.length] = buffer[rows, :, : self.length]
                buffers[layer] = kept


class Network:
    """A Whisper model on a device, in its precision, ready to encode and to decode in batches."""

    def __init__(self, model: Whisper, device: Device) -> None:
        """Moves `model` to `device`; hand in a model that nobody else holds."""
        self.model = _to_precision(model.to(device.torch_device), device.dtype)
        self.dims = model.dims
        self.device = device.torch_device
        self.dtype = device.dtype

    def encode(self, mel: Tensor) -> Tensor:
        """Audio features, shape (windows, n_audio_ctx, n_audio_state), of log-mel spectrograms.

        `mel` has shape (windows, n_mels, 3000): 30 s in frames of 10 ms.
        """
        features: Tensor = self.model.encoder(mel.to(self.device, self.dtype))
        return features

    def start(self, features: Tensor, *, group: int = 1) -> Cache:
        """An empty cache for decoding `features`, with `group` hypotheses a window.

        `features` has shape (windows, n_audio_ctx, n_audio_state).
        """
        blocks = list(self.model.decoder.blocks)
        rows = features.shape[0] * group
        width = self.dims.n_text_state // self.dims.n_text_head
        shape = (rows, self.dims.n_text_head, self.dims.n_text_ctx, width)
        attentions = [block.cross_attn for block in blocks]
        return Cache(
            self_keys=[features.new_empty(shape) for _ in blocks],
            self_values=[features.new_empty(shape) for _ in blocks],
            cross_keys=[_heads(attention, attention.key(features)) for attention in attentions],
            cross_values=[_heads(attention, attention.value(features)) for attention in attentions],
            group=group,
        )

    def step(self, tokens: Tensor, cache: Cache, *, last_only: bool = True) -> Tensor:
        """Logits of the token after the last one, float32, shape (rows, n_vocab).

        `tokens` has shape (rows, n): all tokens so far at first, then the new one. With
        `last_only=False` the logits after each of them, shape (rows, n, n_vocab).
        """
        decoder = self.model.decoder
        count = tokens.shape[-1]
        positions = decoder.positional_embedding[cache.length : cache.length + count]
        x = (decoder.token_embedding(tokens) + positions).to(self.dtype)
        cache.cross_queries = []
        for layer, block in enumerate(decoder.blocks):
            x = x + self._attend_to_text(block, layer, x, cache)
            x = x + self._attend_to_audio(block, layer, x, cache)
            x = x + block.mlp(block.mlp_ln(x))
        cache.length += count
        x = decoder.ln(x[:, -1] if last_only else x)
        return F.linear(x, decoder.token_embedding.weight).float()

    def _attend_to_text(
        self, block: ResidualAttentionBlock, layer: int, x: Tensor, cache: Cache
    ) -> Tensor:
        attention = block.attn
        normed = block.attn_ln(x)
        begin, end = cache.length, cache.length + x.shape[1]
        keys, values = cache.self_keys[layer], cache.self_values[layer]
        keys[:, :, begin:end] = _heads(attention, attention.key(normed))
        values[:, :, begin:end] = _heads(attention, attention.value(normed))
        mixed = F.scaled_dot_product_attention(
            _heads(attention, attention.query(normed)),
            keys[:, :, :end],
            values[:, :, :end],
            # All tokens of the first call are new; afterwards the one new token sees everything.
            is_causal=x.shape[1] > 1,
        )
        out: Tensor = attention.out(mixed.transpose(1, 2).flatten(2))
        return out

    def _attend_to_audio(
        self, block: ResidualAttentionBlock, layer: int, x: Tensor, cache: Cache
    ) -> Tensor:
        attention = block.cross_attn
        rows, count, width = x.shape
        query = attention.query(block.cross_attn_ln(x))
        # The hypotheses of a window look at the same audio: they stand as so many positions of
        # one query, and the keys and values are read once for all of them.
        query = _heads(attention, query.reshape(rows // cache.group, cache.group * count, width))
        cache.cross_queries.append(query)
        mixed = F.scaled_dot_product_attention(
            query, cache.cross_keys[layer], cache.cross_values[layer]
        )
        out: Tensor = attention.out(mixed.transpose(1, 2).reshape(rows, count, width))
        return out


def _heads(attention: MultiHeadAttention, x: Tensor) -> Tensor:
    """Split (rows, positions, state) into (rows, heads, positions, head width)."""
    return x.view(*x.shape[:2], attention.n_head, -1).transpose(1, 2)


def _to_precision(model: Whisper, dtype: torch.dtype) -> Whisper:
    """The large weights in `dtype`; layer norms stay float32, as openai-whisper computes them."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Embedding):
            module.to(dtype)
    model.encoder.positional_embedding = model.encoder.positional_embedding.to(dtype)
    model.decoder.positional_embedding.data = model.decoder.positional_embedding.data.to(dtype)
    return model
