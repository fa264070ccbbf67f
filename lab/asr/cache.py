"""What decoding remembers: keys and values of the audio and of the text so far, in buffers."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from whisper.model import ModelDimensions

from lab.asr.audio_context import log_counts
from lab.asr.kernels import attend
from lab.asr.quantized import QuantizedAudio

# For each layer, keys and values of the audio, (windows, heads, positions, head width).
CrossKeysValues = list[tuple[Tensor, Tensor]]


@dataclass
class PrefillResult:
    """What the decoder made of tokens that were all known.

    hidden: shape (rows, tokens, n_text_state), from which `Network.logits` predicts
    keys, values: of the text, shape (layers, rows, heads, tokens, head width)
    cross_queries: what each layer asked the audio for, each (rows, heads, tokens, head width)
    """

    hidden: Tensor
    keys: Tensor
    values: Tensor
    cross_queries: list[Tensor]


class Audio:
    """Keys and values of windows of audio as they are."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        """Two buffers of zeros, shape (layers, windows, heads, positions, head width)."""
        self._keys, self._values = keys, values
        windows, positions = keys.shape[1], keys.shape[3]
        self._mask = keys.new_zeros((windows, 1, 1, positions))
        self._positions, self._adds = [positions] * windows, [False] * windows

    def put(
        self, window: int, audio: Sequence[tuple[Tensor, Tensor]], added: Tensor | None = None
    ) -> None:
        """Fill a window with each layer's keys and values, (heads, positions, head width).

        Fewer positions than there is room for are fine.

        added: to the scores, shape (positions,)
        """
        count = audio[0][0].shape[1]
        for layer, (keys, values) in enumerate(audio):
            self._keys[layer, window, :, :count] = keys
            self._values[layer, window, :, :count] = values
        self._mask[window, :, :, :count] = 0 if added is None else added
        self._mask[window, :, :, count:] = -torch.inf
        self._positions[window], self._adds[window] = count, added is not None

    def move(self, source: int, target: int) -> None:
        """Copy one window over another."""
        for buffer in (self._keys, self._values):
            buffer[:, target] = buffer[:, source]
        self._mask[target] = self._mask[source]
        self._positions[target] = self._positions[source]
        self._adds[target] = self._adds[source]

    def attend(self, query: Tensor, layer: int) -> Tensor:
        """Attention to the first windows; `query` is (windows, heads, queries, head width)."""
        windows = len(query)
        longest, shortest = max(self._positions[:windows]), min(self._positions[:windows])
        is_alike = shortest == longest and not any(self._adds[:windows])
        keys = self._keys[layer, :windows, :, :longest]
        values = self._values[layer, :windows, :, :longest]
        mask = None if is_alike else self._mask[:windows, :, :, :longest]
        return attend(query, keys, values, mask)


@dataclass(frozen=True)
class CacheSpec:
    """What a cache has to know of the network that it serves.

    dtype, text_dtype: of keys and values of the audio, and of the text
    quantizes: whether those of the audio are kept in 8 bits
    """

    dims: ModelDimensions
    device: torch.device
    dtype: torch.dtype
    text_dtype: torch.dtype
    quantizes: bool


class Cache:
    """Keys and values of the windows that are being decoded, each with `group` hypotheses.

    The windows in use are the first `windows` of `capacity`; the first `windows * group` rows are
    their hypotheses. Those of the text have shape (layers, rows, heads, tokens, head width).
    """

    def __init__(
        self, spec: CacheSpec, *, capacity: int, positions: int, tokens: int, group: int
    ) -> None:
        """Room for `capacity` windows of at most so many positions and tokens."""
        dims = spec.dims
        layers, heads = dims.n_text_layer, dims.n_text_head
        self._full = dims.n_audio_ctx
        width = dims.n_text_state // heads
        device = spec.device
        if spec.quantizes:
            self.audio: Audio | QuantizedAudio = QuantizedAudio(
                layers, capacity, heads, width, positions
            )
        else:
            shape = (2, layers, capacity, heads, positions, width)
            self.audio = Audio(*torch.zeros(shape, dtype=spec.dtype, device=device))
        # Zeros, because attention multiplies what lies behind a row's text by 0.
        shape = (2, layers, capacity * group, heads, tokens, width)
        self.text_keys, self.text_values = torch.zeros(shape, dtype=spec.text_dtype, device=device)
        # How much of its text each row has.
        self.lengths = torch.zeros(capacity * group, dtype=torch.long, device=device)
        self.capacity, self.group, self.windows = capacity, group, 0

    def add(self, cross: CrossKeysValues, prefill: PrefillResult) -> None:
        """Take in windows whose first tokens were read; `cross` is what they were read with."""
        count = len(cross[0][0])
        counts = log_counts(cross[0][0].shape[2], self._full)
        for number in range(count):
            audio = [(keys[number], values[number]) for keys, values in cross]
            self.audio.put(self.windows + number, audio, counts)
        rows = slice(self.windows * self.group, (self.windows + count) * self.group)
        length = prefill.keys.shape[3]
        for buffer, read in ((self.text_keys, prefill.keys), (self.text_values, prefill.values)):
            buffer[:, rows, :, :length] = read.repeat_interleave(self.group, 1)
        self.lengths[rows] = length
        self.windows += count

    def remove(self, window: int) -> None:
        """Forget a window; the last one takes its place."""
        last = self.windows - 1
        if window != last:
            self.audio.move(last, window)
            to = slice(window * self.group, (window + 1) * self.group)
            of = slice(last * self.group, (last + 1) * self.group)
            filled = int(self.lengths[of].max())
            for buffer in (self.text_keys, self.text_values):
                buffer[:, to, :, :filled] = buffer[:, of, :, :filled]
            self.lengths[to] = self.lengths[of].clone()
        self.windows = last

    def reorder(self, rows: Tensor) -> None:
        """Row i goes on from what was row `rows[i]` (of the same window), one for each row."""
        filled = int(self.lengths[: len(rows)].max())
        for buffer in (self.text_keys, self.text_values):
            buffer[:, : len(rows), :, :filled] = buffer[:, rows, :, :filled]
