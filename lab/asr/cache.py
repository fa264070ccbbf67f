"""The key-value cache of decoding: keys and values of the audio and of the text so far."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from whisper.model import ModelDimensions

from lab.asr import audio_context
from lab.asr.forward import CrossKeysValues, PrefillResult
from lab.asr.kernels import attend
from lab.asr.quantized_attention import QuantizedAudioCache


class AudioCache:
    """Keys and values of windows of audio in the network's precision."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        """Two buffers of zeros, shape (layers, windows, heads, encoder frames, head width)."""
        self._keys, self._values = keys, values
        windows, audio_ctx = keys.shape[1], keys.shape[3]
        self._attn_bias = keys.new_zeros((windows, 1, 1, audio_ctx))
        self._lengths, self._has_bias = [audio_ctx] * windows, [False] * windows

    def put(
        self,
        window: int,
        audio: Sequence[tuple[Tensor, Tensor]],
        attn_bias: Tensor | None = None,
    ) -> None:
        """Store each layer's keys and values, (heads, encoder frames, head width), of a window.

        attn_bias: added to attention scores, shape (encoder frames,)
        """
        length = audio[0][0].shape[1]
        for layer, (keys, values) in enumerate(audio):
            self._keys[layer, window, :, :length] = keys
            self._values[layer, window, :, :length] = values
        self._attn_bias[window, :, :, :length] = 0 if attn_bias is None else attn_bias
        self._attn_bias[window, :, :, length:] = -torch.inf
        self._lengths[window], self._has_bias[window] = length, attn_bias is not None

    def move(self, source: int, target: int) -> None:
        """Copy one window over another."""
        for buffer in (self._keys, self._values):
            buffer[:, target] = buffer[:, source]
        self._attn_bias[target] = self._attn_bias[source]
        self._lengths[target] = self._lengths[source]
        self._has_bias[target] = self._has_bias[source]

    def attend(self, query: Tensor, layer: int) -> Tensor:
        """Attention to the first windows; `query` is (windows, heads, queries, head width)."""
        windows = len(query)
        longest, shortest = max(self._lengths[:windows]), min(self._lengths[:windows])
        needs_bias = shortest < longest or any(self._has_bias[:windows])
        keys = self._keys[layer, :windows, :, :longest]
        values = self._values[layer, :windows, :, :longest]
        attn_bias = self._attn_bias[:windows, :, :, :longest] if needs_bias else None
        return attend(query, keys, values, attn_bias)


@dataclass(frozen=True)
class CacheSpec:
    """What a cache needs to know about its network.

    dtype, text_dtype: of keys and values of the audio, and of the text
    quantizes: whether those of the audio are stored in 8 bits
    """

    dims: ModelDimensions
    device: torch.device
    dtype: torch.dtype
    text_dtype: torch.dtype
    quantizes: bool


class Cache:
    """Keys and values of the windows being decoded, each with `beam_size` hypotheses.

    The windows in use are the first `windows` of `capacity`; the first `windows * beam_size` rows
    are their hypotheses. Those of the text have shape (layers, rows, heads, tokens, head width).
    """

    def __init__(
        self, spec: CacheSpec, *, capacity: int, audio_ctx: int, text_ctx: int, beam_size: int
    ) -> None:
        """Allocate `capacity` windows of up to `audio_ctx` encoder frames, `text_ctx` tokens."""
        dims = spec.dims
        layers, heads = dims.n_text_layer, dims.n_text_head
        self._n_audio_ctx = dims.n_audio_ctx
        width = dims.n_text_state // heads
        device = spec.device
        if spec.quantizes:
            self.audio: AudioCache | QuantizedAudioCache = QuantizedAudioCache(
                layers, capacity, heads, width, audio_ctx
            )
        else:
            shape = (2, layers, capacity, heads, audio_ctx, width)
            self.audio = AudioCache(*torch.zeros(shape, dtype=spec.dtype, device=device))
        # Zeros, because attention multiplies what follows a row's text by 0.
        shape = (2, layers, capacity * beam_size, heads, text_ctx, width)
        self.text_keys, self.text_values = torch.zeros(shape, dtype=spec.text_dtype, device=device)
        # The number of tokens in each row.
        self.lengths = torch.zeros(capacity * beam_size, dtype=torch.long, device=device)
        self.capacity, self.beam_size, self.windows = capacity, beam_size, 0

    def add(self, cross: CrossKeysValues, prefill: PrefillResult) -> None:
        """Append the windows of a `prefill` that attended to `cross`."""
        count = len(cross[0][0])
        attn_bias = audio_context.attn_bias(cross[0][0].shape[2], self._n_audio_ctx)
        for index in range(count):
            audio = [(keys[index], values[index]) for keys, values in cross]
            self.audio.put(self.windows + index, audio, attn_bias)
        rows = slice(self.windows * self.beam_size, (self.windows + count) * self.beam_size)
        length = prefill.keys[0].shape[2]
        for buffer, layers in ((self.text_keys, prefill.keys), (self.text_values, prefill.values)):
            for layer, known in enumerate(layers):
                buffer[layer, rows, :, :length] = known.repeat_interleave(self.beam_size, 0)
        self.lengths[rows] = length
        self.windows += count

    def remove(self, window: int) -> None:
        """Remove a window; the last one takes its index."""
        last = self.windows - 1
        if window != last:
            self.audio.move(last, window)
            target = slice(window * self.beam_size, (window + 1) * self.beam_size)
            source = slice(last * self.beam_size, (last + 1) * self.beam_size)
            length = int(self.lengths[source].max())
            for buffer in (self.text_keys, self.text_values):
                buffer[:, target, :, :length] = buffer[:, source, :, :length]
            self.lengths[target] = self.lengths[source].clone()
        self.windows = last

    def reorder(self, rows: Tensor) -> None:
        """Let row i continue from the former row `rows[i]` of the same window, for each row."""
        length = int(self.lengths[: len(rows)].max())
        for buffer in (self.text_keys, self.text_values):
            buffer[:, : len(rows), :, :length] = buffer[:, rows, :, :length]
