"""Whisper's modules driven for training: at the length of the clips, and fast on processors.

openai-whisper's encoder takes 30 s and nothing else. On processors torch's fused attention in
bfloat16 is slower than its products one by one, several times so backward; over whole windows it
would not fit into the cache, so there it is done head by head (`python -m benchmarks.kernels`).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from whisper.model import MultiHeadAttention, ResidualAttentionBlock, Whisper

from lab.asr import audio_context
from lab.asr.devices import uses_onednn
from lab.training.windows import IGNORED, Batch

# From so many queries on, the scores of all heads at once are slower than one head at a time.
_MANY_QUERIES = 600
# From so many positions of a batch on, what the encoder computes is computed twice.
_MANY_POSITIONS = 2_000


def loss_of(model: Whisper, batch: Batch, *, label_smoothing: float = 0.0) -> Tensor:
    """The mean cross entropy of the tokens to be predicted, in nats."""
    features = encode(model, batch.mels)
    hidden = decode(model, batch.tokens, features)
    wanted = batch.targets != IGNORED
    # Only where something is predicted: the vocabulary is most of what the decoder computes.
    logits = F.linear(hidden[wanted], model.decoder.token_embedding.weight).float()
    return F.cross_entropy(logits, batch.targets[wanted], label_smoothing=label_smoothing)


def encode(model: Whisper, mels: Tensor) -> Tensor:
    """Audio features (windows, positions, state) of spectrograms (windows, n_mels, frames).

    What there is less than 30 s is silence, as the last frames have to be: it is heard in a few
    positions more (`lab.asr.audio_context`).
    """
    encoder = model.encoder
    x = audio_context.embedded(encoder, mels)
    counts = _log_counts(model, x)
    keeps = keeps_all(x.shape[0] * x.shape[1], x.device) or not torch.is_grad_enabled()
    for block in encoder.blocks:
        if keeps:
            x = _block(block, x, counts)
        else:
            x = checkpoint(_block, block, x, counts, use_reentrant=False, preserve_rng_state=False)
    features: Tensor = encoder.ln_post(x)
    return features


def keeps_all(positions: int, device: torch.device) -> bool:
    """Whether all that the encoder computes is kept for the way back, or computed again there.

    positions: of all windows together

    Of many positions on a processor only what is between the blocks is kept: computing the rest
    again takes a fifth of such a step, keeping it more memory than all weights.
    """
    return device.type != "cpu" or positions < _MANY_POSITIONS


def decode(model: Whisper, tokens: Tensor, features: Tensor) -> Tensor:
    """Hidden states (windows, tokens, state) of the decoder, after its last layer norm."""
    decoder = model.decoder
    x = decoder.token_embedding(tokens) + decoder.positional_embedding[: tokens.shape[1]]
    x = x.to(features.dtype)
    counts = _log_counts(model, features)
    for block in decoder.blocks:
        x = _block(block, x, counts, features)
    hidden: Tensor = decoder.ln(x)
    return hidden


def _log_counts(model: Whisper, features: Tensor) -> Tensor | None:
    counts = audio_context.log_counts(features.shape[1], model.dims.n_audio_ctx)
    return None if counts is None else counts.to(features.device, features.dtype)


def _block(
    block: ResidualAttentionBlock,
    x: Tensor,
    counts: Tensor | None,
    features: Tensor | None = None,
) -> Tensor:
    """A block of the encoder, or, with the features of what is heard, of the decoder."""
    normed = block.attn_ln(x)
    if features is None:
        x = x + _attention(block.attn, normed, normed, counts)
    else:
        ahead = torch.full((x.shape[1],) * 2, -torch.inf, dtype=x.dtype, device=x.device).triu_(1)
        x = x + _attention(block.attn, normed, normed, ahead)
        x = x + _attention(block.cross_attn, block.cross_attn_ln(x), features, counts)
    after: Tensor = x + block.mlp(block.mlp_ln(x))
    return after


def _attention(
    attention: MultiHeadAttention, x: Tensor, source: Tensor, added: Tensor | None
) -> Tensor:
    query, keys, values = (
        projected.unflatten(2, (attention.n_head, -1)).transpose(1, 2)
        for projected in (attention.query(x), attention.key(source), attention.value(source))
    )
    mixed = _attend(query, keys, values, added).transpose(1, 2).flatten(2)
    out: Tensor = attention.out(mixed)
    return out


def _attend(query: Tensor, keys: Tensor, values: Tensor, added: Tensor | None) -> Tensor:
    """Scaled dot-product attention over (rows, heads, positions, head width).

    added: to the scaled products, shape (queries, positions) or, the same for all, (positions,)
    """
    if query.dtype != torch.bfloat16 or not uses_onednn(query.device):
        mask = None if added is None else added.to(query.dtype).expand(query.shape[2], -1)
        return F.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
    if query.shape[2] >= _MANY_QUERIES:
        mixed: Tensor = _HeadByHead.apply(query, keys, values, added)  # type: ignore[no-untyped-call]
        return mixed
    scores = (query * query.shape[-1] ** -0.5) @ keys.mT
    if added is not None:
        scores = scores + added
    return torch.softmax(scores, -1) @ values


class _HeadByHead(torch.autograd.Function):
    """Attention whose scores stay in the cache; they are computed again on the way back."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, keys: Tensor, values: Tensor, added: Tensor | None
    ) -> Tensor:
        query = (query * query.shape[-1] ** -0.5).contiguous()
        keys, values = keys.contiguous(), values.contiguous()
        across = values.mT.contiguous()
        mixed = torch.empty_like(query)
        for row, head in _each(query):
            shares = _shares(query, keys, added, row, head)
            mixed[row, head] = _product(shares, across[row, head])
        ctx.added = added
        ctx.save_for_backward(query, keys, values, mixed)
        return mixed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        query, keys, values, mixed = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        # Of the softmax: each share's gradient less their mean (Dao et al. 2022, B.2).
        means = (gradient * mixed).sum(-1, keepdim=True)
        along = keys.mT.contiguous()
        to_query, to_keys, to_values = map(torch.empty_like, (query, keys, values))
        for row, head in _each(query):
            shares = _shares(query, keys, ctx.added, row, head)
            to_values[row, head] = shares.mT @ gradient[row, head]
            to_scores = _product(gradient[row, head], values[row, head])
            to_scores.sub_(means[row, head]).mul_(shares)
            to_query[row, head] = _product(to_scores, along[row, head])
            to_keys[row, head] = to_scores.mT @ query[row, head]
        return to_query * query.shape[-1] ** -0.5, to_keys, to_values, None


def _each(query: Tensor) -> list[tuple[int, int]]:
    return [(row, head) for row in range(query.shape[0]) for head in range(query.shape[1])]


def _shares(query: Tensor, keys: Tensor, added: Tensor | None, row: int, head: int) -> Tensor:
    scores = _product(query[row, head], keys[row, head], added)
    return torch.softmax(scores, -1, out=scores)


def _product(x: Tensor, weight: Tensor, added: Tensor | None = None) -> Tensor:
    """`x @ weight.mT + added` by oneDNN."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, added, "none", [], "none")
    return product
