"""Attention over 8-bit keys and values is close to attention over the original values."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from lab.asr.quantized_attention import QuantizedAudioCache

# Quantization errs by half a step of 1 in 127; averaging over many makes that less.
CLOSE = 0.02


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def cache_of(*windows: tuple[Tensor, Tensor]) -> QuantizedAudioCache:
    """Windows of one layer; keys and values have shape (heads, encoder frames, width)."""
    heads, n_frames, width = windows[0][0].shape
    audio = QuantizedAudioCache(1, len(windows), heads, width, n_frames)
    for number, (keys, values) in enumerate(windows):
        audio.put(number, [(keys, values)])
    return audio


def error(ours: Tensor, query: Tensor, *windows: tuple[Tensor, Tensor]) -> float:
    """The error of attention, relative to attention over absolute values.

    Not relative to the exact result: values of both signs may cancel, and their errors do not.
    """
    assert ours.isfinite().all()
    worst = 0.0
    for mixed, queries, (keys, values) in zip(ours, query, windows, strict=True):
        exact, size = (
            F.scaled_dot_product_attention(queries[None], keys[None], one[None])[0]
            for one in (values, values.abs())
        )
        worst = max(worst, float((mixed - exact).norm() / size.norm()))
    return worst


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    heads=st.integers(1, 3),
    width=st.sampled_from([1, 7, 8, 20, 64]),
    queries=st.integers(1, 5),
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=4),
    sizes=st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 3), st.floats(1e-6, 1e6)),
)
def test_attention_is_close_to_float32(
    seed: int,
    heads: int,
    width: int,
    queries: int,
    lengths: list[int],
    sizes: tuple[float, float, float],
) -> None:
    """For windows of different lengths, each of which replaces another one."""
    key_size, score_size, value_size = sizes
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    windows = [
        (key_size * normal(heads, length, width), value_size * normal(heads, length, width))
        for length in lengths
    ]
    former = normal(heads, 200, width)
    audio = cache_of(*[(former, former)] * len(windows))
    for number, window in enumerate(windows):
        audio.put(number, [window])
    query = score_size / key_size * normal(len(windows), heads, queries, width)
    ours = audio.attend(query, 0)
    assert ours.shape == query.shape
    assert error(ours, query, *windows) < CLOSE


@settings(max_examples=200, deadline=None)
@given(
    values=arrays(
        np.float32,
        st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 12)),
        elements=st.floats(-(2.0**99), 2.0**99, width=32),
    )
)
def test_each_value_is_rounded_to_the_nearest_step(
    values: np.ndarray[tuple[int, int, int], np.dtype[np.float32]],
) -> None:
    for frame in range(values.shape[1]):
        # Attention to a single frame returns its values.
        exact = torch.from_numpy(values[:, frame : frame + 1].copy())
        audio = cache_of((exact, exact))
        ours = audio.attend(torch.ones_like(exact)[None], 0)[0]
        steps = exact.abs().amax(-1, keepdim=True) / 127
        assert ((ours - exact).abs() <= 0.501 * steps + 1e-13).all()


@pytest.mark.parametrize("kind", ["keys", "values"])
@pytest.mark.parametrize("size", [1e3, -1e3, 1e10])
def test_a_huge_value_does_not_affect_other_frames(kind: str, size: float) -> None:
    keys, values = random(2, 300, 64, seed=1), random(2, 300, 64, seed=2)
    query = random(1, 2, 1, 64)
    (keys if kind == "keys" else values)[0, 17, 5] = size
    ours = cache_of((keys, values)).attend(query, 0)
    assert error(ours, query, (keys, values)) < CLOSE


@pytest.mark.parametrize("kind", ["keys", "values", "query"])
def test_zeros_are_exact(kind: str) -> None:
    tensors = {
        "keys": random(2, 50, 24, seed=1),
        "values": random(2, 50, 24, seed=2),
        "query": random(1, 2, 1, 24, seed=3),
    }
    tensors[kind] = torch.zeros_like(tensors[kind])
    window = (tensors["keys"], tensors["values"])
    ours = cache_of(window).attend(tensors["query"], 0)
    if kind == "values":
        assert torch.equal(ours, torch.zeros_like(ours))
    else:
        assert error(ours, tensors["query"], window) < CLOSE


@pytest.mark.parametrize("size", [1e2, 1e4, 1e8])
def test_a_score_far_above_the_others_gets_all_the_attention(size: float) -> None:
    keys, values = random(2, 400, 64, seed=1), random(2, 400, 64, seed=2)
    query = random(1, 2, 1, 64)
    keys[:, 123] = size * query[0, :, 0]
    ours = cache_of((keys, values)).attend(query, 0)
    expected = values[:, 123]
    assert ((ours[0, :, 0] - expected).norm() / expected.norm()) < CLOSE
    # And a score far below the others gets none.
    keys[:, 123] = -size * query[0, :, 0]
    ours = cache_of((keys, values)).attend(query, 0)
    assert error(ours, query, (keys, values)) < CLOSE


def test_several_queries_give_the_same_as_each_alone() -> None:
    windows = [(random(3, 90, 64, seed=seed), random(3, 90, 64, seed=-seed)) for seed in (1, 2)]
    audio = cache_of(*windows)
    query = random(2, 3, 5, 64)
    together = audio.attend(query, 0)
    for number in range(5):
        alone = audio.attend(query[:, :, number : number + 1], 0)
        torch.testing.assert_close(together[:, :, number : number + 1], alone)


def test_a_window_can_be_moved_and_its_slot_reused() -> None:
    first, second, third = (
        [
            (
                random(2, length, 16, seed=length + layer),
                random(2, length, 16, seed=-length - layer),
            )
            for layer in range(2)
        ]
        for length in (30, 50, 70)
    )
    audio = QuantizedAudioCache(2, 2, 2, 16, 70)
    audio.put(0, third)
    audio.put(1, second)
    audio.move(1, 0)
    audio.put(1, first)
    query = random(2, 2, 1, 16)
    for layer in range(2):
        assert error(audio.attend(query, layer), query, second[layer], first[layer]) < CLOSE


@torch.inference_mode()
def test_bfloat16_is_accepted_and_returned_with_contiguous_frames_too() -> None:
    keys, values = random(2, 64, 80, seed=1).bfloat16().mT, random(2, 64, 80, seed=2).bfloat16().mT
    query = random(1, 2, 1, 64).bfloat16()
    ours = cache_of((keys, values)).attend(query, 0)
    assert ours.dtype == torch.bfloat16
    assert error(ours.float(), query.float(), (keys.float(), values.float())) < CLOSE
