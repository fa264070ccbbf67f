"""Whisper's forward pass over openai-whisper's modules, for inference and for training.

openai-whisper's encoder accepts 30 s only; this one accepts any audio context
(`lab.asr.audio_context`). The modules' weights may be packed or have LoRA adapters: a layer is only
ever label.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from whisper.model import MultiHeadAttention, ResidualAttentionBlock, TextDecoder, Whisper

from lab.asr import audio_context
from lab.asr.kernels import attend

# For each layer, keys and values of the audio, (windows, heads, encoder frames, head width).
CrossKeysValues = list[tuple[Tensor, Tensor]]
EncoderBlock = Callable[[ResidualAttentionBlock, Tensor, Tensor | None], Tensor]


@dataclass
class PrefillResult:
    """What the decoder computed for tokens that were all known.

    hidden: shape (rows, tokens, n_text_state), before the last layer norm
    keys, values: of the text, for each layer (rows, heads, tokens, head width)
    cross_queries: of the cross-attention, for each layer (rows, heads, tokens, head width)
    """

    hidden: Tensor
    keys: list[Tensor]
    values: list[Tensor]
    cross_queries: list[Tensor]


def encoder_block(
    block: ResidualAttentionBlock, x: Tensor, attn_bias: Tensor | None = None
) -> Tensor:
    """The output of one block of the encoder, shape of `x` (windows, encoder frames, state)."""
    query, keys, values = query_keys_values(block.attn, block.attn_ln(x))
    x = x + block.attn.out(merge_heads(attend(query, keys, values, attn_bias)))
    after: Tensor = x + block.mlp(block.mlp_ln(x))
    return after


def encode(model: Whisper, mel: Tensor, *, run_block: EncoderBlock = encoder_block) -> Tensor:
    """Audio features, shape (windows, encoder frames, n_audio_state), of log-mel spectrograms.

    mel: shape (windows, n_mels, mel frames): an even number of mel frames of 10 ms, up to 3000.
        Where there are fewer, the last ones must be silence; the silence up to 30 s is then added
        in a few encoder frames (`lab.asr.audio_context`)
    run_block: computes a block of the encoder, as `encoder_block` does
    """
    x = audio_context.embed(model.encoder, mel)
    attn_bias = _audio_attn_bias(model, x, x.shape[1])
    for block in model.encoder.blocks:
        x = run_block(block, x, attn_bias)
    features: Tensor = model.encoder.ln_post(x)
    return features


def cross_keys_values(decoder: TextDecoder, features: Tensor) -> CrossKeysValues:
    """The keys and values of `features` (of `encode`) for the cross-attention of each layer."""
    layers = [block.cross_attn for block in decoder.blocks]
    return [
        (split_heads(layer, layer.key(features)), split_heads(layer, layer.value(features)))
        for layer in layers
    ]


def prefill(model: Whisper, tokens: Tensor, cross: CrossKeysValues) -> PrefillResult:
    """Run the decoder over known tokens from the start of a text, shape (windows, tokens)."""
    decoder, (audio_keys, _) = model.decoder, cross[0]
    x = decoder.token_embedding(tokens) + decoder.positional_embedding[: tokens.shape[1]]
    x = x.to(audio_keys.dtype)
    attn_bias = _audio_attn_bias(model, audio_keys, audio_keys.shape[2])
    all_keys, all_values, queries = [], [], []
    for block, audio in zip(decoder.blocks, cross, strict=True):
        query, keys, values = query_keys_values(block.attn, block.attn_ln(x))
        x = x + block.attn.out(merge_heads(attend(query, keys, values, is_causal=True)))
        attention = block.cross_attn
        query = split_heads(attention, attention.query(block.cross_attn_ln(x)))
        x = x + attention.out(merge_heads(attend(query, *audio, attn_bias)))
        x = x + block.mlp(block.mlp_ln(x))
        all_keys.append(keys)
        all_values.append(values)
        queries.append(query)
    return PrefillResult(x, all_keys, all_values, queries)


def logits(decoder: TextDecoder, hidden: Tensor) -> Tensor:
    """Scores of the token after each hidden state (before the last layer norm), (…, n_vocab)."""
    return F.linear(decoder.ln(hidden), decoder.token_embedding.weight).float()


def query_keys_values(attention: MultiHeadAttention, x: Tensor) -> Iterable[Tensor]:
    """The projections of `x` for self-attention, each (rows, heads, positions, head width)."""
    layers = (attention.query, attention.key, attention.value)
    return [split_heads(attention, layer(x)) for layer in layers]


def split_heads(attention: MultiHeadAttention, x: Tensor) -> Tensor:
    """Reshape (rows, positions, state) to (rows, heads, positions, head width)."""
    split: Tensor = torch.unflatten(x, 2, (attention.n_head, -1))
    return split.transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """Reshape (rows, heads, positions, head width) to (rows, positions, state)."""
    return x.transpose(1, 2).flatten(2)


def _audio_attn_bias(model: Whisper, like: Tensor, n_frames: int) -> Tensor | None:
    attn_bias = audio_context.attn_bias(n_frames, model.dims.n_audio_ctx)
    return None if attn_bias is None else attn_bias.to(like.device, like.dtype)
