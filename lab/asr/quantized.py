"""Cross-attention for one token a text, over keys and values of the audio in 8 bits.

At each token the decoder reads the keys and values of all audio in the batch, far more than its
weights; that read decides how fast it is. In 8 bits, with a scale for each head and position, there
is half as much of it as in bfloat16, and the loss is as small: both keep 8 bits of a number. torch
has no such operation for processors, and its products of one row by a matrix reach less than half
of the memory's speed, so the loops are written here and compiled by numba.
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


class QuantizedAudio:
    """Keys and values of windows of audio, in 8 bits.

    The numbers have shape (layers, windows, heads, head width, positions), int8; times their
    scales, shape (layers, windows, heads, positions), they are what was put in.
    """

    def __init__(self, layers: int, windows: int, heads: int, width: int, positions: int) -> None:
        shape = (2, layers, windows, heads, width, positions)
        self._numbers = np.empty(shape, np.int8)
        self._scales = np.empty((*shape[:4], positions), np.float32)
        self._positions = np.zeros(windows, np.int64)
        # What is added to the scores, for powers of 2.
        self._added = np.zeros((windows, positions), np.float32)

    def put(
        self, window: int, audio: Sequence[tuple[Tensor, Tensor]], added: Tensor | None = None
    ) -> None:
        """Fill a window with each layer's keys and values, (heads, positions, head width).

        Fewer positions than there is room for are fine. Fastest if they lie next to each other in
        memory.

        added: to the scores, shape (positions,)
        """
        count = self._positions[window] = audio[0][0].shape[1]
        self._added[window, :count] = 0 if added is None else _LOG2_E * added.numpy()
        for layer, pair in enumerate(audio):
            for kind, tensor in enumerate(pair):
                source = tensor.mT.float().contiguous().numpy()
                place = (kind, layer, window)
                _in_parts(len(source), _quantize, source, self._numbers[place], self._scales[place])

    def move(self, source: int, target: int) -> None:
        """Copy one window over another."""
        self._numbers[:, :, target] = self._numbers[:, :, source]
        self._scales[:, :, target] = self._scales[:, :, source]
        self._positions[target] = self._positions[source]
        self._added[target] = self._added[source]

    def attend(self, query: Tensor, layer: int) -> Tensor:
        """Scaled dot-product attention to the first windows, shape of `query`.

        query: (windows, heads, queries, head width)
        """
        windows, heads = query.shape[:2]
        scaled = (query.float() * query.shape[-1] ** -0.5).contiguous()
        mixed = torch.empty_like(scaled)
        arrays = [
            array[kind, layer] for kind in range(2) for array in (self._numbers, self._scales)
        ]
        arrays += [self._positions, self._added]
        _in_parts(windows * heads, _attend, scaled.numpy(), *arrays, mixed.numpy())
        return mixed.to(query.dtype)


def _in_parts(count: int, function: Callable[..., None], *arrays: NDArray[Any]) -> None:
    """Call `function(*arrays, begin, end)` for parts of `range(count)`, one for each thread.

    The functions let go of Python's lock, so the threads do run side by side. They must not call
    torch: each thread that does so gets OpenMP threads of its own, more than there are processors,
    and from then on all of torch is a quarter slower.
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
    except RuntimeError:  # nowhere to keep what was compiled
        return cast(Function, numba.njit(**options)(function))


@_compiled
def _quantize(values: Floats, numbers: Bytes, scales: Floats, begin: int, end: int) -> None:
    """Numbers and scales of values of shape (heads, head width, positions), of some heads."""
    _, width, positions = values.shape
    factors = np.empty(positions, np.float32)
    for head in range(begin, end):
        x, q, scale = values[head], numbers[head], scales[head]
        scale[:] = 1e-12
        for d in range(width):
            for p in range(positions):
                scale[p] = max(scale[p], abs(x[d, p]))
        for p in range(positions):
            scale[p] /= np.float32(_LARGEST)
            factors[p] = np.float32(1) / scale[p]
        for d in range(width):
            for p in range(positions):
                # Rounded by cutting off, where everything is positive.
                q[d, p] = np.int32(x[d, p] * factors[p] + np.float32(128.5)) - 128


@_compiled
def _attend(
    query: Floats,
    keys: Bytes,
    key_scales: Floats,
    values: Bytes,
    value_scales: Floats,
    positions_of: NDArray[np.int64],
    added_to: Floats,
    mixed: Floats,
    begin: int,
    end: int,
) -> None:
    """Attention of the (window, head) pairs from `begin` to `end`, counted window by window."""
    heads, width = keys.shape[1:3]
    weights = np.empty(keys.shape[3], np.float32)
    # An array of integers and the same memory read as floats: their bits are made below.
    bits = np.empty(keys.shape[3], np.int32)
    powers = bits.view(np.float32)
    for pair in range(begin, end):
        window, head = divmod(pair, heads)
        positions, added = positions_of[window], added_to[window]
        k, v = keys[window, head], values[window, head]
        k_scales, v_scales = key_scales[window, head], value_scales[window, head]
        for number in range(query.shape[2]):
            q, out = query[window, head, number], mixed[window, head, number]
            _scores(q, k, positions, weights)
            highest = np.float32(-1e30)
            for p in range(positions):
                weights[p] = weights[p] * (k_scales[p] * _LOG2_E) + added[p]
                highest = max(highest, weights[p])
            total = _exponentials(weights, positions, highest, bits, powers)
            for p in range(positions):
                weights[p] *= v_scales[p]
            for d in range(width):
                products = np.float32(0)
                for p in range(positions):
                    products += weights[p] * np.float32(v[d, p])
                out[d] = products / total


@_compiled
def _scores(query: Floats, keys: Bytes, positions: int, scores: Floats) -> None:
    """Products of a query with the keys of the first positions; eight rows of keys at a time."""
    scores[:] = 0
    width = len(keys)
    for d in range(0, width - width % 8, 8):
        q0, q1, q2, q3 = query[d], query[d + 1], query[d + 2], query[d + 3]
        q4, q5, q6, q7 = query[d + 4], query[d + 5], query[d + 6], query[d + 7]
        for p in range(positions):
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
        for p in range(positions):
            scores[p] += query[d] * np.float32(keys[d, p])


@_compiled
def _exponentials(
    scores: Floats, count: int, highest: np.float32, bits: NDArray[np.int32], powers: Floats
) -> np.float32:
    """Replace each of `count` scores by 2 ** (score - highest); returns their sum.

    2 ** x is the power of its whole part, which is written into a float's exponent, times a
    polynomial for its fraction in (-1, 0]: the Taylor series of 2 ** f, whose error there is under
    2e-5. The compiler turns that into vector instructions, which it cannot with `exp`.
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
