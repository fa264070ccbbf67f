"""Whisper's own modules, driven with a cache of keys and values and without hooks.

openai-whisper grows its cache by concatenation through forward hooks on shared modules: a copy of
everything at each token, and not safe for two threads. Here the same modules are called layer by
layer and their keys and values are kept in buffers, so a step costs one read of the weights and of
the cache, windows come and go while others are being decoded, and a network can be used by several
decodings in turn.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from whisper.model import MultiHeadAttention, Whisper

from lab.asr import audio_context
from lab.asr.cache import Cache, CacheSpec, CrossKeysValues, PrefillResult
from lab.asr.devices import Device, uses_onednn
from lab.asr.kernels import PackedLinear, attend, pack_linears, transposed_linear

# Windows are encoded together up to so many positions on a processor: enough for full speed, and
# what is between two layers stays small.
_ENCODED_TOGETHER = 1500
# Steps read the text so far in stretches of this length, so that few shapes occur.
_TEXT_STRETCH = 32


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

    @property
    def cache_spec(self) -> CacheSpec:
        """What a Cache for this network has to know."""
        return CacheSpec(self.dims, self.device, self.dtype, self.text_dtype, self.quantizes)

    def bytes_per_window(self, *, positions: int, beam_size: int = 1) -> int:
        """What a window takes in a Cache, if its features have so many positions."""
        dims = self.dims
        per_position = 2 * dims.n_text_layer * dims.n_text_state
        audio = positions * (1 if self.quantizes else self.dtype.itemsize)
        text = beam_size * dims.n_text_ctx * self.text_dtype.itemsize
        return int(per_position * (audio + text))

    def encode(self, mel: Tensor) -> Tensor:
        """Audio features, shape (windows, positions, n_audio_state), of log-mel spectrograms.

        `mel` has shape (windows, n_mels, frames): an even number of frames of 10 ms, up to 3000. A
        position is two frames. Where there are fewer, the last ones have to be silence, which is
        heard up to 30 s in a few positions more (`lab.asr.audio_context`): faster, and understood
        nearly as well.
        """
        positions = mel.shape[-1] // 2 + audio_context.DRAWN
        together = max(_ENCODED_TOGETHER // positions, 1) if self._packed else len(mel)
        return torch.cat([self._encode(part) for part in torch.split(mel, together)])

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

    def prefill(self, tokens: Tensor, cross: CrossKeysValues) -> PrefillResult:
        """Read known tokens from the beginning of a text, shape (windows, tokens)."""
        decoder = self.model.decoder
        x = self._embedded(tokens, decoder.positional_embedding[: tokens.shape[1]])
        counts = self._log_counts(cross[0][0].shape[2])
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
            x = x + attention.out(_flat(attend(query, *cross[layer], counts)))
            x = x + block.mlp(block.mlp_ln(x))
            all_keys.append(keys)
            all_values.append(values)
            queries.append(query)
        return PrefillResult(x, torch.stack(all_keys), torch.stack(all_values), queries)

    def step(self, tokens: Tensor, cache: Cache) -> Tensor:
        """Logits after one more token for each row in use, float32, shape (rows, n_vocab).

        `tokens` has shape (rows,). The cache takes it in.
        """
        decoder = self.model.decoder
        lengths = cache.lengths[: len(tokens)]
        x = self._embedded(tokens[:, None], decoder.positional_embedding[lengths][:, None])
        stretches = int(lengths.max()) // _TEXT_STRETCH + 1
        end = min(stretches * _TEXT_STRETCH, cache.text_keys.shape[3])
        behind = torch.arange(end, device=self.device) > lengths[:, None]
        mask = torch.zeros(behind.shape, dtype=self.text_dtype, device=self.device)
        mask = mask.masked_fill_(behind, -torch.inf)[:, None, None]
        for layer, block in enumerate(decoder.blocks):
            x = x + self._attend_to_text(block.attn, block.attn_ln(x), layer, cache, mask)
            x = x + self._attend_to_audio(block.cross_attn, block.cross_attn_ln(x), layer, cache)
            x = x + block.mlp(block.mlp_ln(x))
        lengths += 1
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
        x = audio_context.embedded(encoder, mel.to(self.device, self.dtype))
        counts = self._log_counts(x.shape[1])
        for block in encoder.blocks:
            attention, normed = block.attn, block.attn_ln(x)
            query = _heads(attention, attention.query(normed))
            keys = _heads(attention, attention.key(normed))
            values = _heads(attention, attention.value(normed))
            x = x + attention.out(_flat(attend(query, keys, values, counts)))
            x = x + block.mlp(block.mlp_ln(x))
        features: Tensor = encoder.ln_post(x)
        return features

    def _log_counts(self, positions: int) -> Tensor | None:
        """What is added to the scores of features with so many positions."""
        counts = audio_context.log_counts(positions, self.dims.n_audio_ctx)
        return None if counts is None else counts.to(self.device, self.dtype)

    def _project(self, linear: nn.Linear, features: Tensor) -> Tensor:
        if self.quantizes:
            return transposed_linear(linear, features)
        projected: Tensor = linear(features)
        return projected

    def _embedded(self, tokens: Tensor, positions: Tensor) -> Tensor:
        embedded: Tensor = self.model.decoder.token_embedding(tokens) + positions
        return embedded.to(self.dtype)

    def _attend_to_text(
        self, attention: MultiHeadAttention, x: Tensor, layer: int, cache: Cache, mask: Tensor
    ) -> Tensor:
        query, new_keys, new_values = (
            _heads(attention, project(x)).to(self.text_dtype)
            for project in (attention.query, attention.key, attention.value)
        )
        rows, end = torch.arange(len(x), device=self.device), mask.shape[-1]
        lengths = cache.lengths[: len(x)]
        cache.text_keys[layer, rows, :, lengths] = new_keys[:, :, 0]
        cache.text_values[layer, rows, :, lengths] = new_values[:, :, 0]
        keys = cache.text_keys[layer, : len(x), :, :end]
        values = cache.text_values[layer, : len(x), :, :end]
        out: Tensor = attention.out(_flat(attend(query, keys, values, mask)).to(x.dtype))
        return out

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
    heads = attention.n_head
    split: Tensor = torch.unflatten(x, 2, (heads, x.shape[2] // heads))
    return split.transpose(1, 2)


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
