"""Linear layers and attention in the form in which a processor computes them fastest.

On processors torch gives float32 products to MKL, which runs at half of oneDNN's speed on AMD, and
its fused attention is several times slower than the same products by oneDNN with a softmax between
(`python -m benchmarks.kernels` measures both). Here oneDNN does all of it, with the weights packed
once in the layout that it wants. Graphics cards, and builds of torch without oneDNN, use torch's
own operations.
"""

from collections.abc import Collection
from itertools import zip_longest

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab.asr.devices import uses_onednn

# From so many queries on, the scores of all heads at once no longer fit into the cache.
_MANY_QUERIES = 128
# For how many rows a weight is packed. Any number can be multiplied; oneDNN chooses the same
# layout from 2 to 1,500 on the processors that were tried, another one for 1.
_PACKED_FOR_ROWS = 64


class PackedLinear(nn.Module):
    """`nn.Linear` with its weight in oneDNN's layout, and GELU right after it if asked for.

    It cannot be trained or stored. Takes and gives tensors of the weight's type, which has to be
    one of `devices.dtypes_of`; others are converted on the way in and out.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, gelu: bool = False) -> None:
        """`weight` has shape (out, in) as in `nn.Linear`; it is copied."""
        super().__init__()
        self._dtype = weight.dtype
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _PACKED_FOR_ROWS)
        self._bias = None if bias is None else bias.detach()
        self._after = "gelu" if gelu else "none"

    def forward(self, x: Tensor) -> Tensor:
        product = _product(x.to(self._dtype), self._weight, self._bias, self._after)
        return product.to(x.dtype)


def pack_linears(module: nn.Module, *, but: Collection[nn.Module] = ()) -> None:
    """Replace each `nn.Linear` inside `module` by a PackedLinear, with the GELU that follows it.

    In a Whisper every GELU that is a module follows a linear layer.

    but: those that stay as they are
    """
    children = list(module.named_children())
    followers = [child for _, child in children[1:]] if isinstance(module, nn.Sequential) else []
    for (name, child), follower in zip_longest(children, followers):
        if isinstance(child, nn.Linear) and child not in but:
            gelu = isinstance(follower, nn.GELU)
            setattr(module, name, PackedLinear(child.weight, child.bias, gelu=gelu))
        elif isinstance(child, nn.GELU):
            setattr(module, name, nn.Identity())
        else:
            pack_linears(child, but=but)


def transposed_linear(linear: nn.Linear, x: Tensor) -> Tensor:
    """`linear(x)` whose positions lie next to each other in memory, by oneDNN.

    `x` has shape (rows, positions, in), the result (rows, positions, out).
    """
    product = torch.stack([_product(linear.weight, row) for row in x])
    if linear.bias is not None:
        product += linear.bias[:, None]
    return product.mT


def attend(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention, shape of `query`.

    query: (rows, heads, queries, width); keys, values: (rows, heads, positions, width)
    mask: what is added to the scaled products, to be broadcast to (rows, heads, queries,
        positions), of the type of `query`; of shape (positions,) it is the same for all
    """
    if not uses_onednn(query.device):
        if mask is not None and mask.ndim == 1:
            mask = mask[None]
        return F.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
    query = query * query.shape[-1] ** -0.5
    if query.shape[2] >= _MANY_QUERIES and (mask is None or mask.ndim == 1):
        return _attend_head_by_head(query, keys, values, mask)
    scores = query @ keys.mT
    if mask is not None:
        scores += mask
    return torch.softmax(scores, -1, out=scores) @ values


def _attend_head_by_head(
    query: Tensor, keys: Tensor, values: Tensor, added: Tensor | None
) -> Tensor:
    """Attention whose scores stay in the processor's cache, one head of one row after another."""
    query, keys, values = query.contiguous(), keys.contiguous(), values.mT.contiguous()
    # In memory (rows, queries, heads, width), which is what the layer after it reads.
    mixed = query.new_empty(query.transpose(1, 2).shape).transpose(1, 2)
    for row in range(query.shape[0]):
        for head in range(query.shape[1]):
            scores = _product(query[row, head], keys[row, head], added)
            torch.softmax(scores, -1, out=scores)
            mixed[row, head] = _product(scores, values[row, head])
    return mixed


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None, after: str = "none") -> Tensor:
    """`F.linear(x, weight, bias)` by oneDNN, and GELU (not its approximation) if `after` says so.

    torch offers this operation to its own compiler only; there is no public name for it.
    """
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, after, [], "none")
    return product
