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

from lab.asr.kernels import uses_onednn
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
    """Audio features (windows, frames / 2, state) of spectrograms (windows, n_mels, frames)."""
    encoder = model.encoder
    x = F.gelu(encoder.conv1(mels))
    x = F.gelu(encoder.conv2(x)).transpose(1, 2)
    x = (x + encoder.positional_embedding[: x.shape[1]]).to(x.dtype)
    keeps = keeps_all(x.shape[0] * x.shape[1], x.device) or not torch.is_grad_enabled()
    for block in encoder.blocks:
        if keeps:
            x = _block(block, x)
        else:
            x = checkpoint(_block, block, x, use_reentrant=False, preserve_rng_state=False)
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
    for block in decoder.blocks:
        x = _block(block, x, features, causal=True)
    hidden: Tensor = decoder.ln(x)
    return hidden


def _block(
    block: ResidualAttentionBlock,
    x: Tensor,
    features: Tensor | None = None,
    *,
    causal: bool = False,
) -> Tensor:
    normed = block.attn_ln(x)
    x = x + _attention(block.attn, normed, normed, causal=causal)
    if features is not None:
        x = x + _attention(block.cross_attn, block.cross_attn_ln(x), features)
    after: Tensor = x + block.mlp(block.mlp_ln(x))
    return after


def _attention(
    attention: MultiHeadAttention, x: Tensor, source: Tensor, *, causal: bool = False
) -> Tensor:
    query, keys, values = (
        projected.unflatten(2, (attention.n_head, -1)).transpose(1, 2)
        for projected in (attention.query(x), attention.key(source), attention.value(source))
    )
    mixed = _attend(query, keys, values, causal=causal).transpose(1, 2).flatten(2)
    out: Tensor = attention.out(mixed)
    return out


def _attend(query: Tensor, keys: Tensor, values: Tensor, *, causal: bool) -> Tensor:
    """Scaled dot-product attention over (rows, heads, positions, head width)."""
    if query.dtype != torch.bfloat16 or not uses_onednn(query.device):
        return F.scaled_dot_product_attention(query, keys, values, is_causal=causal)
    if not causal and query.shape[2] >= _MANY_QUERIES:
        mixed: Tensor = _HeadByHead.apply(query, keys, values)  # type: ignore[no-untyped-call]
        return mixed
    scores = (query * query.shape[-1] ** -0.5) @ keys.mT
    if causal:
        ahead = torch.full(scores.shape[-2:], -torch.inf, dtype=scores.dtype).triu_(1)
        scores = scores + ahead
    return torch.softmax(scores, -1) @ values


class _HeadByHead(torch.autograd.Function):
    """Attention whose scores stay in the cache; they are computed again on the way back."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        query = (query * query.shape[-1] ** -0.5).contiguous()
        keys, values = keys.contiguous(), values.contiguous()
        across = values.mT.contiguous()
        mixed = torch.empty_like(query)
        for row, head in _each(query):
            mixed[row, head] = _product(_shares(query, keys, row, head), across[row, head])
        ctx.save_for_backward(query, keys, values, mixed)
        return mixed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, keys, values, mixed = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        # Of the softmax: each share's gradient less their mean (Dao et al. 2022, B.2).
        means = (gradient * mixed).sum(-1, keepdim=True)
        along = keys.mT.contiguous()
        to_query, to_keys, to_values = map(torch.empty_like, (query, keys, values))
        for row, head in _each(query):
            shares = _shares(query, keys, row, head)
            to_values[row, head] = shares.mT @ gradient[row, head]
            to_scores = _product(gradient[row, head], values[row, head])
            to_scores.sub_(means[row, head]).mul_(shares)
            to_query[row, head] = _product(to_scores, along[row, head])
            to_keys[row, head] = to_scores.mT @ query[row, head]
        return to_query * query.shape[-1] ** -0.5, to_keys, to_values


def _each(query: Tensor) -> list[tuple[int, int]]:
    return [(row, head) for row in range(query.shape[0]) for head in range(query.shape[1])]


def _shares(query: Tensor, keys: Tensor, row: int, head: int) -> Tensor:
    scores = _product(query[row, head], keys[row, head])
    return torch.softmax(scores, -1, out=scores)


def _product(x: Tensor, weight: Tensor) -> Tensor:
    """`x @ weight.mT` by oneDNN."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "none")
    return product
