"""Our kernels for CPUs compute the same as torch's operations."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from whisper.model import ResidualAttentionBlock

from lab.asr import kernels
from lab.asr.devices import uses_onednn
from lab.asr.kernels import PackedLinear, TransposedLinear, attend, pack_linears
from tests.support.precisions import PRECISIONS, needs_bfloat16

pytestmark = pytest.mark.skipif(
    not uses_onednn(torch.device("cpu")), reason="this build of torch has no oneDNN"
)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def assert_close(ours: Tensor, exact: Tensor, dtype: torch.dtype) -> None:
    """Check that `ours` has `dtype`, and is as close to the float32 result as that allows."""
    assert ours.dtype == dtype
    assert ours.shape == exact.shape
    error = float(((ours.float() - exact).norm() / exact.norm()).detach())
    assert error < (1e-5 if dtype == torch.float32 else 1e-2)


def layer(inside: int, outside: int, dtype: torch.dtype, *, bias: bool = True) -> nn.Linear:
    """A float32 linear layer whose values `dtype` can represent exactly."""
    linear = nn.Linear(inside, outside, bias=bias)
    with torch.no_grad():
        linear.weight.copy_(random(outside, inside, seed=1).to(dtype) / 8)
        if bias:
            linear.bias.copy_(random(outside, seed=2).to(dtype))
    return linear


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("gelu", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(1, 64), (2, 1, 64), (3, 7, 64), (2, 800, 64)])
@torch.inference_mode()
def test_a_packed_layer_matches_the_linear_layer(
    shape: tuple[int, ...], bias: bool, gelu: bool, dtype: torch.dtype
) -> None:
    linear = layer(64, 57, dtype, bias=bias)
    x = random(*shape).to(dtype)
    expected = linear(x.float())
    if gelu:
        expected = F.gelu(expected)
    rounded = linear.to(dtype)
    packed = PackedLinear(rounded.weight, rounded.bias, gelu=gelu)
    assert_close(packed(x), expected, dtype)
    strided = x.repeat_interleave(2, -1)[..., ::2]
    assert_close(packed(strided), expected, dtype)


@needs_bfloat16
@torch.inference_mode()
def test_a_packed_layer_returns_the_dtype_of_its_input() -> None:
    linear = layer(16, 16, torch.bfloat16)
    x = random(3, 16).bfloat16().float()
    expected = linear(x)
    packed = PackedLinear(linear.weight.bfloat16(), linear.bias.bfloat16())
    ours = packed(x)
    assert ours.dtype == torch.float32
    assert_close(ours.bfloat16(), expected, torch.bfloat16)


@torch.inference_mode()
def test_a_block_of_whisper_computes_the_same_when_packed() -> None:
    torch.manual_seed(0)
    block = ResidualAttentionBlock(64, 4, cross_attention=True)
    x, audio = random(2, 5, 64), random(2, 30, 64, seed=1)
    expected = block(x, audio)
    pack_linears(block, transposed=[block.cross_attn.key])
    assert isinstance(block.cross_attn.key, TransposedLinear)
    assert isinstance(block.cross_attn.value, PackedLinear)
    assert not any(isinstance(module, nn.Linear | nn.GELU) for module in block.modules())
    assert_close(block(x, audio), expected, torch.float32)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("bias", [False, True])
@torch.inference_mode()
def test_a_transposed_layer_matches_the_linear_layer_with_contiguous_rows(
    bias: bool, dtype: torch.dtype
) -> None:
    linear = layer(64, 40, dtype, bias=bias)
    x = random(3, 101, 64).to(dtype)
    expected = linear(x.float())
    ours = TransposedLinear(linear.to(dtype))(x)
    assert_close(ours, expected, dtype)
    assert ours.stride(1) == 1


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("bias_shape", [None, (2, 1, 1, 60), (60,)])
@pytest.mark.parametrize("queries", [1, 5, 127, 128, 301])
@torch.inference_mode()
def test_attention_matches_torch_for_few_and_many_queries(
    queries: int, bias_shape: tuple[int, ...] | None, dtype: torch.dtype
) -> None:
    # Transposed in memory, as the heads of a projection are.
    query = random(2, queries, 3, 16, seed=1).to(dtype).transpose(1, 2)
    keys = random(2, 60, 3, 16, seed=2).to(dtype).transpose(1, 2)
    values = random(2, 60, 3, 16, seed=3).to(dtype).transpose(1, 2)
    before = query.clone()
    attn_bias = None
    if bias_shape:
        attn_bias = torch.zeros(bias_shape, dtype=dtype)
        attn_bias[..., 20:] = 1.5
        attn_bias.view(-1, 60)[0, 31:] = -torch.inf
    exact = F.scaled_dot_product_attention(
        query.float(),
        keys.float(),
        values.float(),
        None if attn_bias is None else attn_bias.view(-1, 1, 1, 60).float(),
    )
    assert_close(attend(query, keys, values, attn_bias), exact, dtype)
    assert torch.equal(query, before)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("queries", [7, 300])
def test_gradients_of_attention_match_torch(
    queries: int, has_bias: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_MANY_QUERIES_WITH_GRAD", 300)
    lengths = (queries, 301, 301)
    inputs = [random(2, 2, n, 32, seed=seed).to(dtype) for seed, n in enumerate(lengths)]
    attn_bias = (torch.arange(301) / 100).to(dtype) if has_bias else None
    ours = [x.clone().requires_grad_() for x in inputs]
    theirs = [x.float().requires_grad_() for x in inputs]
    gradient = random(2, 2, queries, 32, seed=3).to(dtype)
    mixed = attend(*ours, attn_bias)
    mixed.backward(gradient)
    mask = None if attn_bias is None else attn_bias.float()[None]
    expected = F.scaled_dot_product_attention(*theirs, attn_mask=mask)
    expected.backward(gradient.float())
    assert_close(mixed, expected, dtype)
    for x, exact in zip(ours, theirs, strict=True):
        assert x.grad is not None
        assert exact.grad is not None
        assert_close(x.grad, exact.grad, dtype)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("needs_grad", [False, True])
def test_causal_attention_matches_torch(needs_grad: bool, dtype: torch.dtype) -> None:
    inputs = [random(2, 3, 40, 16, seed=seed).to(dtype) for seed in range(3)]
    exact = F.scaled_dot_product_attention(*(x.float() for x in inputs), is_causal=True)
    query, keys, values = (x.requires_grad_(needs_grad) for x in inputs)
    assert_close(attend(query, keys, values, is_causal=True), exact, dtype)
