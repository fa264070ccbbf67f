"""The processor's own kernels compute what torch's operations compute."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from whisper.model import ResidualAttentionBlock

from lab.asr.devices import uses_onednn
from lab.asr.kernels import PackedLinear, attend, pack_linears, transposed_linear
from tests.support.precisions import PRECISIONS, needs_bfloat16

pytestmark = pytest.mark.skipif(
    not uses_onednn(torch.device("cpu")), reason="this build of torch has no oneDNN"
)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def assert_close(ours: Tensor, exact: Tensor, dtype: torch.dtype) -> None:
    """`ours` is of that type and as close to what float32 gives as the type allows."""
    assert ours.dtype == dtype
    assert ours.shape == exact.shape
    error = float((ours.float() - exact).norm() / exact.norm())
    assert error < (1e-5 if dtype == torch.float32 else 1e-2)


def layer(inside: int, outside: int, dtype: torch.dtype, *, bias: bool = True) -> nn.Linear:
    """A linear layer whose numbers `dtype` holds exactly, in float32."""
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
def test_a_packed_layer_is_the_linear_layer(
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
def test_a_packed_layer_takes_and_gives_the_type_of_its_input() -> None:
    linear = layer(16, 16, torch.bfloat16)
    x = random(3, 16).bfloat16().float()
    expected = linear(x)
    packed = PackedLinear(linear.weight.bfloat16(), linear.bias.bfloat16())
    ours = packed(x)
    assert ours.dtype == torch.float32
    assert_close(ours.bfloat16(), expected, torch.bfloat16)


@torch.inference_mode()
def test_a_block_of_whisper_computes_the_same_packed_but_for_what_is_left_out() -> None:
    torch.manual_seed(0)
    block = ResidualAttentionBlock(64, 4, cross_attention=True)
    x, audio = random(2, 5, 64), random(2, 30, 64, seed=1)
    expected = block(x, audio)
    kept = block.cross_attn.key
    pack_linears(block, but=[kept])
    assert block.cross_attn.key is kept
    modules = list(block.modules())
    assert [module for module in modules if isinstance(module, nn.Linear)] == [kept]
    assert not any(isinstance(module, nn.GELU) for module in modules)
    assert_close(block(x, audio), expected, torch.float32)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("bias", [False, True])
@torch.inference_mode()
def test_a_transposed_layer_is_the_linear_layer_with_positions_side_by_side(
    bias: bool, dtype: torch.dtype
) -> None:
    linear = layer(64, 40, dtype, bias=bias)
    x = random(3, 101, 64).to(dtype)
    expected = linear(x.float())
    ours = transposed_linear(linear.to(dtype), x)
    assert_close(ours, expected, dtype)
    assert ours.stride(1) == 1


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("mask_shape", [None, (2, 1, 1, 60), (60,)])
@pytest.mark.parametrize("queries", [1, 5, 127, 128, 301])
@torch.inference_mode()
def test_attention_is_torch_s_for_few_and_many_queries(
    queries: int, mask_shape: tuple[int, ...] | None, dtype: torch.dtype
) -> None:
    # Transposed in memory, as the heads of a projection are.
    query = random(2, queries, 3, 16, seed=1).to(dtype).transpose(1, 2)
    keys = random(2, 60, 3, 16, seed=2).to(dtype).transpose(1, 2)
    values = random(2, 60, 3, 16, seed=3).to(dtype).transpose(1, 2)
    before = query.clone()
    mask = None
    if mask_shape:
        mask = torch.zeros(mask_shape, dtype=dtype)
        mask[..., 20:] = 1.5
        mask.view(-1, 60)[0, 31:] = -torch.inf
    exact = F.scaled_dot_product_attention(
        query.float(),
        keys.float(),
        values.float(),
        None if mask is None else mask.view(-1, 1, 1, 60).float(),
    )
    assert_close(attend(query, keys, values, mask), exact, dtype)
    assert torch.equal(query, before)
