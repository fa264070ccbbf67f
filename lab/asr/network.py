"""Whisper's own modules, driven with a cache of keys and values and without hooks.

openai-whisper grows its cache by concatenation through forward hooks on shared modules: a copy of
everything at each token, and not safe for two threads. Here the same modules are called layer by
layer and their keys and values are kept in buffers, so a step costs one read of the weights and of
the cache, windows come and go while others are being decoded, and a network can be used by several
decodings in turn.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from whisper.model import MultiHeadAttention, Whisper

from lab.asr.devices import Device
from lab.asr.kernels import (
    PackedLinear,
    attend,
    pack_linears,
    transposed_linear,
    uses_onednn,
)
from lab.asr.quantized import QuantizedAudio

# Windows are encoded together up to so many positions on a processor: enough for full speed, and
# what is between two layers stays small.
_ENCODED_TOGETHER = 1500
# Steps read the text so far in stretches of this length, so that few shapes occur.
_TEXT_STRETCH = 32


# For each layer, keys and values of the audio, (windows, heads, positions, head width).
CrossKeysValues = list[tuple[Tensor, Tensor]]


@dataclass
class Reading:
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
        self._positions = [positions] * windows

    def put(self, layer: int, window: int, keys: Tensor, values: Tensor) -> None:
        """Fill a layer of a window, with shapes (heads, positions, head width).

        Fewer positions than there is room for are fine.
        """
        count = keys.shape[1]
        self._keys[layer, window, :, :count] = keys
        self._values[layer, window, :, :count] = values
        self._mask[window, :, :, :count] = 0
        self._mask[window, :, :, count:] = -torch.inf
        self._positions[window] = count

    def move(self, source: int, target: int) -> None:
        """Copy one window over another."""
        for buffer in (self._keys, self._values):
            buffer[:, target] = buffer[:, source]
        self._mask[target] = self._mask[source]
        self._positions[target] = self._positions[source]

    def attend(self, query: Tensor, layer: int) -> Tensor:
        """Attention to the first windows; `query` is (windows, heads, queries, head width)."""
        windows = len(query)
        longest, shortest = max(self._positions[:windows]), min(self._positions[:windows])
        keys = self._keys[layer, :windows, :, :longest]
        values = self._values[layer, :windows, :, :longest]
        mask = None if shortest == longest else self._mask[:windows, :, :, :longest]
        return attend(query, keys, values, mask)


class Cache:
    """Keys and values of the windows that are being decoded, each with `group` hypotheses.

    The windows in use are the first `windows` of `capacity`; the first `windows * group` rows are
    their hypotheses. Those of the text have shape (layers, rows, heads, tokens, head width).
    """

    def __init__(self, network: "Network", *, capacity: int, positions: int, group: int) -> None:
        """Room for `capacity` windows whose features have at most `positions` positions."""
        dims = network.dims
        layers, heads = dims.n_text_layer, dims.n_text_head
        width = dims.n_text_state // heads
        device = network.device
        if network.quantizes:
            self.audio: Audio | QuantizedAudio = QuantizedAudio(
                layers, capacity, heads, width, positions
            )
        else:
            shape = (2, layers, capacity, heads, positions, width)
            self.audio = Audio(*torch.zeros(shape, dtype=network.dtype, device=device))
        # Zeros, because attention multiplies what lies behind a row's text by 0.
        shape = (2, layers, capacity * group, heads, dims.n_text_ctx, width)
        self.text_keys, self.text_values = torch.zeros(
            shape, dtype=network.text_dtype, device=device
        )
        # How much of its text each row has.
        self.lengths = torch.zeros(capacity * group, dtype=torch.long, device=device)
        self.capacity, self.group, self.windows = capacity, group, 0

    def add(self, cross: "CrossKeysValues", reading: Reading) -> None:
        """Take in windows whose first tokens were read; `cross` is what they were read with."""
        count = len(cross[0][0])
        for layer, (keys, values) in enumerate(cross):
            for number in range(count):
                self.audio.put(layer, self.windows + number, keys[number], values[number])
        rows = slice(self.windows * self.group, (self.windows + count) * self.group)
        length = reading.keys.shape[3]
        for buffer, read in ((self.text_keys, reading.keys), (self.text_values, reading.values)):
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


class Network:
    """A Whisper model on a device, in its precision, ready to encode and to decode in batches."""

    def __init__(self, model: Whisper, device: Device) -> None:
        """Moves `model` to `device` and packs its weights; hand in a model that nobody else holds.

        It keeps computing what it did, but can neither be trained nor stored any more.
        """
        self.model = _to_precision(model.to(device.torch_device), device.dtype)
        self.dims = model.dims
        self.device = device.torch_device
        self.dtype = device.dtype
        self._packed = uses_onednn(self.device)
        # The text's keys and values are few: float32 is fastest for them on a processor.
        self.text_dtype = torch.float32 if self._packed else self.dtype
        self._to_vocabulary: nn.Module | None = None
        # Where bfloat16 is precise enough, so are 8 bits with a scale.
        self.quantizes = self._packed and self.dtype == torch.bfloat16
        if self._packed:
            crosses = [block.cross_attn for block in self.model.decoder.blocks]
            transposed = [linear for cross in crosses for linear in (cross.key, cross.value)]
            pack_linears(self.model, but=transposed if self.quantizes else ())
            self._to_vocabulary = PackedLinear(self.model.decoder.token_embedding.weight)

    def bytes_per_window(self, *, positions: int, beam_size: int = 1) -> int:
        """What a window takes in a Cache, if its features have so many positions."""
        dims = self.dims
        per_position = 2 * dims.n_text_layer * dims.n_text_state
        audio = positions * (1 if self.quantizes else self.dtype.itemsize)
        text = beam_size * dims.n_text_ctx * self.text_dtype.itemsize
        return per_position * (audio + text)

    def encode(self, mel: Tensor) -> Tensor:
        """Audio features, shape (windows, frames / 2, n_audio_state), of log-mel spectrograms.

        `mel` has shape (windows, n_mels, frames): an even number of frames of 10 ms, up to 3000.
        Whisper was trained on 3000; fewer are computed faster and understood a little less well.
        """
        together = max(2 * _ENCODED_TOGETHER // mel.shape[-1], 1) if self._packed else len(mel)
        return torch.cat([self._encode(part) for part in mel.split(together)])

    def cross(self, features: Tensor) -> CrossKeysValues:
        """What each layer of the decoder attends to in `features`, of `encode`."""
        attentions = [block.cross_attn for block in self.model.decoder.blocks]
        return [
            (
                _heads(attention, self._project(attention.key, features)),
                _heads(attention, self._project(attention.value, features)),
            )
            for attention in attentions
        ]

    def read(self, tokens: Tensor, cross: CrossKeysValues) -> Reading:
        """Read known tokens from the beginning of a text, shape (windows, tokens)."""
        decoder = self.model.decoder
        x = self._embedded(tokens, decoder.positional_embedding[: tokens.shape[1]])
        all_keys, all_values, queries = [], [], []
        for layer, block in enumerate(decoder.blocks):
            attention, normed = block.attn, block.attn_ln(x)
            keys = _heads(attention, attention.key(normed))
            values = _heads(attention, attention.value(normed))
            query = _heads(attention, attention.query(normed))
            mixed = F.scaled_dot_product_attention(query, keys, values, is_causal=True)
            x = x + attention.out(_flat(mixed))
            attention = block.cross_attn
            query = _heads(attention, attention.query(block.cross_attn_ln(x)))
            x = x + attention.out(_flat(attend(query, *cross[layer])))
            x = x + block.mlp(block.mlp_ln(x))
            all_keys.append(keys)
            all_values.append(values)
            queries.append(query)
        return Reading(x, torch.stack(all_keys), torch.stack(all_values), queries)

    def step(self, tokens: Tensor, cache: Cache) -> Tensor:
        """Logits after one more token for each row in use, float32, shape (rows, n_vocab).

        `tokens` has shape (rows,). The cache takes it in.
        """
        decoder = self.model.decoder
        rows = len(tokens)
        every_row = torch.arange(rows, device=self.device)
        lengths = cache.lengths[:rows]
        x = self._embedded(tokens[:, None], decoder.positional_embedding[lengths][:, None])
        end = min(
            -(-(int(lengths.max()) + 1) // _TEXT_STRETCH) * _TEXT_STRETCH, self.dims.n_text_ctx
        )
        behind = torch.arange(end, device=self.device) > lengths[:, None]
        mask = torch.zeros(behind.shape, dtype=self.text_dtype, device=self.device)
        mask = mask.masked_fill_(behind, -torch.inf)[:, None, None]
        for layer, block in enumerate(decoder.blocks):
            attention, normed = block.attn, block.attn_ln(x)
            keys, values = cache.text_keys[layer, :rows], cache.text_values[layer, :rows]
            keys[every_row, :, lengths] = _heads(attention, attention.key(normed))[:, :, 0].to(keys)
            values[every_row, :, lengths] = _heads(attention, attention.value(normed))[:, :, 0].to(
                keys
            )
            query = _heads(attention, attention.query(normed)).to(keys)
            mixed = attend(query, keys[:, :, :end], values[:, :, :end], mask)
            x = x + attention.out(_flat(mixed).to(x))
            x = x + self._attend_to_audio(block.cross_attn, block.cross_attn_ln(x), layer, cache)
            x = x + block.mlp(block.mlp_ln(x))
        cache.lengths[:rows] += 1
        return self.logits(x[:, 0])

    def logits(self, hidden: Tensor) -> Tensor:
        """Predictions for the token after each hidden state, float32, (…, n_vocab)."""
        hidden = self.model.decoder.ln(hidden)
        if self._to_vocabulary is None:
            return F.linear(hidden, self.model.decoder.token_embedding.weight).float()
        predicted: Tensor = self._to_vocabulary(hidden)
        return predicted.float()

    def _encode(self, mel: Tensor) -> Tensor:
        encoder = self.model.encoder
        x = F.gelu(encoder.conv1(mel.to(self.device, self.dtype)))
        x = F.gelu(encoder.conv2(x)).transpose(1, 2)
        x = x + encoder.positional_embedding[: x.shape[1]]
        for block in encoder.blocks:
            attention, normed = block.attn, block.attn_ln(x)
            query = _heads(attention, attention.query(normed))
            keys = _heads(attention, attention.key(normed))
            values = _heads(attention, attention.value(normed))
            x = x + attention.out(_flat(attend(query, keys, values)))
            x = x + block.mlp(block.mlp_ln(x))
        features: Tensor = encoder.ln_post(x)
        return features

    def _project(self, linear: nn.Linear, features: Tensor) -> Tensor:
        if self.quantizes:
            return transposed_linear(linear, features)
        projected: Tensor = linear(features)
        return projected

    def _embedded(self, tokens: Tensor, positions: Tensor) -> Tensor:
        return (self.model.decoder.token_embedding(tokens) + positions).to(self.dtype)

    def _attend_to_audio(
        self, attention: MultiHeadAttention, x: Tensor, layer: int, cache: Cache
    ) -> Tensor:
        # The hypotheses of a window look at the same audio: they stand as so many positions of
        # one query, and the keys and values are read once for all of them.
        query = _heads(attention, attention.query(x).view(cache.windows, cache.group, -1))
        out: Tensor = attention.out(_flat(cache.audio.attend(query, layer)).view(x.shape))
        return out


def _heads(attention: MultiHeadAttention, x: Tensor) -> Tensor:
    """Split (rows, positions, state) into (rows, heads, positions, head width)."""
    return x.unflatten(2, (attention.n_head, -1)).transpose(1, 2)


def _flat(mixed: Tensor) -> Tensor:
    """Join (rows, heads, positions, head width) to (rows, positions, state)."""
    return mixed.transpose(1, 2).flatten(2)


def _to_precision(model: Whisper, dtype: torch.dtype) -> Whisper:
    """The large weights in `dtype`; layer norms stay float32, as openai-whisper computes them."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Embedding):
            module.to(dtype)
    model.encoder.positional_embedding = model.encoder.positional_embedding.to(dtype)
    model.decoder.positional_embedding.data = model.decoder.positional_embedding.data.to(dtype)
    return model
