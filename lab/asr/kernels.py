"""Linear layers and attention in the form that a CPU computes fastest.

On CPUs torch gives float32 products to MKL, which reaches half of oneDNN's speed on AMD, and its
fused attention is several times slower than the same products by oneDNN with a softmax in between
(`python -m benchmarks.kernels` measures both). Here oneDNN does all of it, with weights packed once
in the layout that it prefers. GPUs, and builds of torch without oneDNN, use torch's own operations.
"""

from collections.abc import Collection
from itertools import product, zip_longest
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab.asr.devices import uses_onednn

# From this many queries on, computing the scores of all heads at once is slower than one head
# after the other, whose scores fit into the CPU's cache; first without, then with gradients.
_MANY_QUERIES, _MANY_QUERIES_WITH_GRAD = 128, 600
# The number of rows that a weight is packed for. Any number can be multiplied; oneDNN chooses the
# same layout from 2 to 1,500 on the CPUs that were tried, another one for 1.
_PACKED_FOR_ROWS = 64


class PackedLinear(nn.Module):
    """`nn.Linear` with its weight in oneDNN's layout, optionally followed by GELU.

    It can be neither trained nor saved. Input and output share a dtype; other dtypes than the
    weight's, which must be one of `devices.dtypes_of`, are converted on the way in and out.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, gelu: bool = False) -> None:
        """`weight` has shape (out, in) as in `nn.Linear`; it is copied."""
        super().__init__()
        self._dtype = weight.dtype
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _PACKED_FOR_ROWS)
        self._bias = None if bias is None else bias.detach()
        self._activation = "gelu" if gelu else "none"

    def forward(self, x: Tensor) -> Tensor:
        projected = _linear(x.to(self._dtype), self._weight, self._bias, self._activation)
        return projected.to(x.dtype)


class TransposedLinear(nn.Module):
    """`nn.Linear` whose output has its rows contiguous in memory, computed by oneDNN.

    Input (windows, rows, in), output (windows, rows, out), in the weight's dtype or converted.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self._weight = linear.weight.detach()
        self._bias = None if linear.bias is None else linear.bias.detach()[:, None]

    def forward(self, x: Tensor) -> Tensor:
        projected = torch.stack([_linear(self._weight, row) for row in x.to(self._weight.dtype)])
        if self._bias is not None:
            projected += self._bias
        return projected.mT.to(x.dtype)


def pack_linears(module: nn.Module, *, transposed: Collection[nn.Module] = ()) -> None:
    """Replace each `nn.Linear` inside `module` by a PackedLinear, with the GELU that follows it.

    In Whisper every GELU module follows a linear layer.

    transposed: layers to replace by a TransposedLinear instead
    """
    children = list(module.named_children())
    followers = [child for _, child in children[1:]] if isinstance(module, nn.Sequential) else []
    for (name, child), follower in zip_longest(children, followers):
        if isinstance(child, nn.Linear) and child in transposed:
            setattr(module, name, TransposedLinear(child))
        elif isinstance(child, nn.Linear):
            gelu = isinstance(follower, nn.GELU)
            setattr(module, name, PackedLinear(child.weight, child.bias, gelu=gelu))
        elif isinstance(child, nn.GELU):
            setattr(module, name, nn.Identity())
        else:
            pack_linears(child, transposed=transposed)


def attend(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    attn_bias: Tensor | None = None,
    *,
    is_causal: bool = False,
) -> Tensor:
    """Scaled dot-product attention, of the shape of `query`; differentiable.

    query: (rows, heads, queries, head width)
    keys, values: (rows, heads, n_keys, head width)
    attn_bias: added to the scaled scores, of the dtype of `query`; broadcastable to (rows, heads,
        queries, n_keys), or of shape (n_keys,)
    is_causal: whether each query attends only to keys up to its own index; excludes `attn_bias`
    """
    needs_grad = torch.is_grad_enabled() and any(x.requires_grad for x in (query, keys, values))
    # Fused attention is the fastest way through float32 with gradients, and short causal texts.
    fused = query.dtype != torch.bfloat16 if needs_grad else is_causal
    if fused or not uses_onednn(query.device):
        if attn_bias is not None and attn_bias.ndim == 1:
            attn_bias = attn_bias[None]
        return F.scaled_dot_product_attention(query, keys, values, attn_bias, is_causal=is_causal)
    query = query * query.shape[-1] ** -0.5
    n_queries = query.shape[2]
    if is_causal:
        attn_bias = query.new_full((n_queries, n_queries), -torch.inf).triu_(1)
    many = _MANY_QUERIES_WITH_GRAD if needs_grad else _MANY_QUERIES
    if n_queries >= many and (attn_bias is None or attn_bias.ndim == 1):
        mixed: Tensor = _HeadByHead.apply(query, keys, values, attn_bias)  # type: ignore[no-untyped-call]
        return mixed
    scores = query @ keys.mT
    if attn_bias is not None:
        scores += attn_bias
    weights = torch.softmax(scores, -1, out=None if needs_grad else scores)
    return weights @ values


class _HeadByHead(torch.autograd.Function):
    """Attention, of a query scaled already, whose scores stay in the CPU's cache.

    The backward pass computes the scores again instead of keeping them.
    """

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, keys: Tensor, values: Tensor, attn_bias: Tensor | None
    ) -> Tensor:
        query, keys, values = query.contiguous(), keys.contiguous(), values.contiguous()
        transposed = values.mT.contiguous()
        # In memory (rows, queries, heads, width), which is what the layer after it reads.
        mixed = query.new_empty(query.transpose(1, 2).shape).transpose(1, 2)
        for index in product(*map(range, query.shape[:2])):
            weights = _attention_weights(query[index], keys[index], attn_bias)
            mixed[index] = _linear(weights, transposed[index])
        ctx.attn_bias = attn_bias
        ctx.save_for_backward(query, keys, values, mixed)
        return mixed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        query, keys, values, mixed = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        # The gradient of softmax: each weight's gradient less their mean (Dao et al. 2022, B.2).
        means = (gradient * mixed).sum(-1, keepdim=True)
        transposed = keys.mT.contiguous()
        d_query, d_keys, d_values = map(torch.empty_like, (query, keys, values))
        for index in product(*map(range, query.shape[:2])):
            weights = _attention_weights(query[index], keys[index], ctx.attn_bias)
            d_values[index] = weights.mT @ gradient[index]
            d_scores = _linear(gradient[index], values[index])
            d_scores.sub_(means[index]).mul_(weights)
            d_query[index] = _linear(d_scores, transposed[index])
            d_keys[index] = d_scores.mT @ query[index]
        return d_query, d_keys, d_values, None


def _attention_weights(query: Tensor, keys: Tensor, attn_bias: Tensor | None) -> Tensor:
    """Softmax of the scores of one head, shape (queries, n_keys)."""
    scores = _linear(query, keys, attn_bias)
    return torch.softmax(scores, -1, out=scores)


def _linear(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str = "none"
) -> Tensor:
    """`F.linear(x, weight, bias)` by oneDNN; the activation "gelu" is exact, not the tanh form.

    torch offers this operation only to its own compiler; it has no public name.
    """
    projected: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], "none")
    return projected
