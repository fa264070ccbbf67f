"""Cross-attention of a decoding step over keys and values of the audio in 8 bits.

At each token the decoder reads the keys and values of all audio in the batch, far more bytes than
its weights have; memory bandwidth decides its speed. In 8 bits, with a scale for each head and
encoder frame, they take half the space of bfloat16, and lose as little: both keep 8 significant
bits. torch has no such operation for CPUs, and its vector-matrix products reach less than half of
the memory bandwidth, so the loops are written here and compiled by numba.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar, cast

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Function = TypeVar("Function", bound=Callable[..., Any])
Floats = NDArray[np.float32]
Bytes = NDArray[np.int8]

_LARGEST = 127
_LOG2_E = np.float32(1.4426950408889634)


class QuantizedAudioCache:
    """Keys and values of windows of audio, in 8 bits.

    The quantized values have shape (layers, windows, heads, head width, encoder frames), int8;
    multiplied by their scales, shape (layers, windows, heads, encoder frames), they are the
    original ones.
    """

    def __init__(self, layers: int, windows: int, heads: int, width: int, audio_ctx: int) -> None:
        shape = (2, layers, windows, heads, width, audio_ctx)
        self._quantized = np.empty(shape, np.int8)
        self._scales = np.empty((*shape[:4], audio_ctx), np.float32)
        self._lengths = np.zeros(windows, np.int64)
        # In units of log2, because softmax is computed with powers of 2.
        self._attn_bias = np.zeros((windows, audio_ctx), np.float32)

    def put(
        self,
        window: int,
        audio: Sequence[tuple[Tensor, Tensor]],
        attn_bias: Tensor | None = None,
    ) -> None:
        """Store each layer's keys and values, (heads, encoder frames, head width), of a window.

        Fastest if the encoder frames are contiguous in memory.

        attn_bias: added to attention scores, shape (encoder frames,)
        """
        length = self._lengths[window] = audio[0][0].shape[1]
        self._attn_bias[window, :length] = 0 if attn_bias is None else _LOG2_E * attn_bias.numpy()
        for layer, pair in enumerate(audio):
            for kind, tensor in enumerate(pair):
                source = tensor.mT.float().contiguous().numpy()
                index = (kind, layer, window)
                targets = self._quantized[index], self._scales[index]
                _run_in_threads(len(source), _quantize, source, *targets)

    def move(self, source: int, target: int) -> None:
        """Copy one window over another."""
        self._quantized[:, :, target] = self._quantized[:, :, source]
        self._scales[:, :, target] = self._scales[:, :, source]
        self._lengths[target] = self._lengths[source]
        self._attn_bias[target] = self._attn_bias[source]

    def attend(self, query: Tensor, layer: int) -> Tensor:
        """Scaled dot-product attention to the first windows, shape of `query`.

        query: (windows, heads, queries, head width)
        """
        windows, heads = query.shape[:2]
        scaled = (query.float() * query.shape[-1] ** -0.5).contiguous()
        mixed = torch.empty_like(scaled)
        arrays = [
            array[kind, layer] for kind in range(2) for array in (self._quantized, self._scales)
        ]
        arrays += [self._lengths, self._attn_bias]
        _run_in_threads(windows * heads, _attend, scaled.numpy(), *arrays, mixed.numpy())
        return mixed.to(query.dtype)


def _run_in_threads(count: int, function: Callable[..., None], *arrays: NDArray[Any]) -> None:
    """Call `function(*arrays, begin, end)` for parts of `range(count)`, one for each thread.

    The functions release the GIL, so the threads run in parallel. They must not call torch: it
    gives each calling thread an OpenMP team, more threads than there are cores, and from then on
    all of torch is a quarter slower.
    """
    threads = torch.get_num_threads()
    bounds = [count * part // threads for part in range(threads + 1)]
    mine, *parts = pairwise(bounds)
    others = [_threads(threads).submit(function, *arrays, *part) for part in parts]
    function(*arrays, *mine)
    for other in others:
        other.result()


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="attention")


def _compiled(function: Function) -> Function:
    options: Any = {"nogil": True, "fastmath": True, "error_model": "numpy"}
    try:
        return cast(Function, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # there is no writable place for numba's cache
        return cast(Function, numba.njit(**options)(function))


@_compiled
def _quantize(values: Floats, quantized: Bytes, scales: Floats, begin: int, end: int) -> None:
    """Quantize the heads from `begin` to `end` of values (heads, head width, encoder frames)."""
    _, width, n_frames = values.shape
    factors = np.empty(n_frames, np.float32)
    for head in range(begin, end):
        x, q, scale = values[head], quantized[head], scales[head]
        scale[:] = 1e-12
        for d in range(width):
            for p in range(n_frames):
                scale[p] = max(scale[p], abs(x[d, p]))
        for p in range(n_frames):
            scale[p] /= np.float32(_LARGEST)
            factors[p] = np.float32(1) / scale[p]
        for d in range(width):
            for p in range(n_frames):
                # Truncation rounds to nearest once everything is positive and 0.5 is added.
                q[d, p] = np.int32(x[d, p] * factors[p] + np.float32(128.5)) - 128


@_compiled
def _attend(
    query: Floats,
    keys: Bytes,
    key_scales: Floats,
    values: Bytes,
    value_scales: Floats,
    lengths: NDArray[np.int64],
    attn_bias: Floats,
    mixed: Floats,
    begin: int,
    end: int,
) -> None:
    """Attention of the (window, head) pairs from `begin` to `end`, numbered window by window."""
    heads, width = keys.shape[1:3]
    weights = np.empty(keys.shape[3], np.float32)
    # The same memory as integers and as floats, whose bits `_exponentials` writes.
    bits = np.empty(keys.shape[3], np.int32)
    powers = bits.view(np.float32)
    for pair in range(begin, end):
        window, head = divmod(pair, heads)
        n_frames, bias = lengths[window], attn_bias[window]
        k, v = keys[window, head], values[window, head]
        k_scales, v_scales = key_scales[window, head], value_scales[window, head]
        for index in range(query.shape[2]):
            q, out = query[window, head, index], mixed[window, head, index]
            _scores(q, k, n_frames, weights)
            highest = np.float32(-1e30)
            for p in range(n_frames):
                weights[p] = weights[p] * (k_scales[p] * _LOG2_E) + bias[p]
                highest = max(highest, weights[p])
            total = _exponentials(weights, n_frames, highest, bits, powers)
            for p in range(n_frames):
                weights[p] *= v_scales[p]
            for d in range(width):
                products = np.float32(0)
                for p in range(n_frames):
                    products += weights[p] * np.float32(v[d, p])
                out[d] = products / total


@_compiled
def _scores(query: Floats, keys: Bytes, n_frames: int, scores: Floats) -> None:
    """Dot products of a query with the first `n_frames` keys, eight rows of keys at a time."""
    scores[:] = 0
    width = len(keys)
    for d in range(0, width - width % 8, 8):
        q0, q1, q2, q3 = query[d], query[d + 1], query[d + 2], query[d + 3]
        q4, q5, q6, q7 = query[d + 4], query[d + 5], query[d + 6], query[d + 7]
        for p in range(n_frames):
            scores[p] += (
                q0 * np.float32(keys[d, p])
                + q1 * np.float32(keys[d + 1, p])
                + q2 * np.float32(keys[d + 2, p])
                + q3 * np.float32(keys[d + 3, p])
            ) + (
                q4 * np.float32(keys[d + 4, p])
                + q5 * np.float32(keys[d + 5, p])
                + q6 * np.float32(keys[d + 6, p])
                + q7 * np.float32(keys[d + 7, p])
            )
    for d in range(width - width % 8, width):
        for p in range(n_frames):
            scores[p] += query[d] * np.float32(keys[d, p])


@_compiled
def _exponentials(
    scores: Floats, count: int, highest: np.float32, bits: NDArray[np.int32], powers: Floats
) -> np.float32:
    """Replace each of `count` scores by 2 ** (score - highest); return their sum.

    2 ** x is the power of its integer part, which is written into a float's exponent bits, times a
    polynomial of its fraction in (-1, 0]: the Taylor series of 2 ** f, whose error there is under
    2e-5. The compiler vectorizes that, which it cannot do with `exp`.
    """
    total = np.float32(0)
    for p in range(count):
        x = max(scores[p] - highest, np.float32(-126))
        whole = np.int32(x)
        bits[p] = (whole + np.int32(127)) << np.int32(23)
        scores[p] = x - np.float32(whole)
    for p in range(count):
        f = scores[p] * np.float32(0.6931471805599453)
        series = np.float32(1 / 24) + f * (np.float32(1 / 120) + f * np.float32(1 / 720))
        series = np.float32(1) + f * (
            1 + f * (np.float32(0.5) + f * (np.float32(1 / 6) + f * series))
        )
        scores[p] = series * powers[p]
        total += scores[p]
    return total
