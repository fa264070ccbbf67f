"""A Whisper network on a device, decoding with a cache of keys and values.

openai-whisper grows its cache by concatenation through forward hooks on shared modules: it copies
everything at each token and is not thread-safe. Here keys and values are kept in preallocated
buffers, so a step costs one read of the weights and of the cache, windows join and leave while
others are being decoded, and several decodings can share a network.
"""

import torch
from torch import Tensor, nn
from whisper.model import MultiHeadAttention, Whisper

from lab.asr import forward
from lab.asr.audio_context import SILENCE_FRAMES
from lab.asr.cache import Cache, CacheSpec
from lab.asr.devices import Device, uses_onednn
from lab.asr.forward import CrossKeysValues, PrefillResult
from lab.asr.kernels import PackedLinear, attend, pack_linears

# A CPU encodes windows together up to this many encoder frames: enough for full speed, while the
# activations between two layers stay small.
_MAX_FRAMES_PER_BATCH = 1500
# A step attends to the text so far rounded up to a multiple of this, so that few shapes occur.
_TEXT_CTX_STEP = 32


class Network:
    """A Whisper model on a device, in its precision, ready to encode and to decode in batches."""

    def __init__(self, model: Whisper, device: Device) -> None:
        """Move `model` to `device` and pack its weights; nothing else may hold the model.

        It computes the same as before, but can neither be trained nor saved any more.
        """
        self.model = _to_precision(model.to(device.torch_device), device.dtype)
        self.dims = model.dims
        self.device = device.torch_device
        self.dtype = device.dtype
        self._packed = uses_onednn(self.device)
        # The text's keys and values are few: on a CPU float32 is fastest for them.
        self.text_dtype = torch.float32 if self._packed else self.dtype
        self._unembedding: nn.Module | None = None
        # Where bfloat16 is precise enough, so are 8 bits with a scale.
        self.quantizes = self._packed and self.dtype == torch.bfloat16
        if self._packed:
            crosses = [block.cross_attn for block in self.model.decoder.blocks]
            transposed = [linear for cross in crosses for linear in (cross.key, cross.value)]
            pack_linears(self.model, transposed=transposed if self.quantizes else ())
            self._unembedding = PackedLinear(self.model.decoder.token_embedding.weight)

    @property
    def cache_spec(self) -> CacheSpec:
        """What a Cache for this network needs to know about it."""
        return CacheSpec(self.dims, self.device, self.dtype, self.text_dtype, self.quantizes)

    def bytes_per_window(self, *, audio_ctx: int, beam_size: int = 1) -> int:
        """The size of a window in a Cache, given the number of its encoder frames."""
        dims = self.dims
        per_position = 2 * dims.n_text_layer * dims.n_text_state
        audio = audio_ctx * (1 if self.quantizes else self.dtype.itemsize)
        text = beam_size * dims.n_text_ctx * self.text_dtype.itemsize
        return int(per_position * (audio + text))

    def encode(self, mel: Tensor) -> Tensor:
        """Audio features of log-mel spectrograms; shapes as in `lab.asr.forward.encode`."""
        n_frames = mel.shape[-1] // 2 + SILENCE_FRAMES
        batch_size = max(_MAX_FRAMES_PER_BATCH // n_frames, 1) if self._packed else len(mel)
        batches = torch.split(mel, batch_size)
        return torch.cat(
            [forward.encode(self.model, batch.to(self.device, self.dtype)) for batch in batches]
        )

    def cross(self, features: Tensor) -> CrossKeysValues:
        """What each layer of the decoder attends to in `features`, of `encode`."""
        return forward.cross_keys_values(self.model.decoder, features)

    def prefill(self, tokens: Tensor, cross: CrossKeysValues) -> PrefillResult:
        """Run the decoder over known tokens from the start of a text, shape (windows, tokens)."""
        return forward.prefill(self.model, tokens, cross)

    def step(self, tokens: Tensor, cache: Cache) -> Tensor:
        """Logits after one more token in each row in use, float32, shape (rows, n_vocab).

        `tokens` has shape (rows,); their keys and values are added to the cache.
        """
        decoder = self.model.decoder
        lengths = cache.lengths[: len(tokens)]
        x = decoder.token_embedding(tokens) + decoder.positional_embedding[lengths]
        x = x[:, None].to(self.dtype)
        steps = int(lengths.max()) // _TEXT_CTX_STEP + 1
        end = min(steps * _TEXT_CTX_STEP, cache.text_keys.shape[3])
        is_future = torch.arange(end, device=self.device) > lengths[:, None]
        attn_bias = torch.zeros(is_future.shape, dtype=self.text_dtype, device=self.device)
        attn_bias = attn_bias.masked_fill_(is_future, -torch.inf)[:, None, None]
        for layer, block in enumerate(decoder.blocks):
            x = x + self._attend_to_text(block.attn, block.attn_ln(x), layer, cache, attn_bias)
            x = x + self._attend_to_audio(block.cross_attn, block.cross_attn_ln(x), layer, cache)
            x = x + block.mlp(block.mlp_ln(x))
        lengths += 1
        return self.logits(x[:, 0])

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores of the token after each hidden state, float32, shape (…, n_vocab)."""
        if self._unembedding is None:
            return forward.logits(self.model.decoder, hidden)
        scores: Tensor = self._unembedding(self.model.decoder.ln(hidden))
        return scores.float()

    def _attend_to_text(
        self, attention: MultiHeadAttention, x: Tensor, layer: int, cache: Cache, attn_bias: Tensor
    ) -> Tensor:
        query, new_keys, new_values = (
            projected.to(self.text_dtype) for projected in forward.query_keys_values(attention, x)
        )
        rows, end = torch.arange(len(x), device=self.device), attn_bias.shape[-1]
        lengths = cache.lengths[: len(x)]
        cache.text_keys[layer, rows, :, lengths] = new_keys[:, :, 0]
        cache.text_values[layer, rows, :, lengths] = new_values[:, :, 0]
        keys = cache.text_keys[layer, : len(x), :, :end]
        values = cache.text_values[layer, : len(x), :, :end]
        mixed = attend(query, keys, values, attn_bias)
        out: Tensor = attention.out(forward.merge_heads(mixed).to(x.dtype))
        return out

    def _attend_to_audio(
        self, attention: MultiHeadAttention, x: Tensor, layer: int, cache: Cache
    ) -> Tensor:
        # The hypotheses of a window attend to the same audio: treated as successive queries of one
        # row, they read the keys and values only once.
        projected = attention.query(x).view(cache.windows, cache.beam_size, -1)
        query = forward.split_heads(attention, projected)
        mixed = forward.merge_heads(cache.audio.attend(query, layer))
        out: Tensor = attention.out(mixed.view(x.shape))
        return out


def _to_precision(model: Whisper, dtype: torch.dtype) -> Whisper:
    """Convert the large weights to `dtype`; layer norms stay float32, as in openai-whisper."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Embedding):
            module.to(dtype)
    model.encoder.positional_embedding = model.encoder.positional_embedding.to(dtype)
    model.decoder.positional_embedding.data = model.decoder.positional_embedding.data.to(dtype)
    return model
