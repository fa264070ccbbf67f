"""Our operations of `lab.asr.kernels` and `lab.asr.quantized_attention` compared with torch's.

    python -m benchmarks.kernels

Shapes of Whisper base: the encoder's layers for one window, and a decoding step of 16 windows.
Prints the median of interleaved calls in milliseconds, and the speed-up.
"""

import time
from collections.abc import Callable
from functools import partial
from statistics import median

import torch
import torch.nn.functional as F
from torch import nn

from lab.asr import kernels
from lab.asr.devices import cpu_name, dtypes_of, precision_of
from lab.asr.quantized_attention import QuantizedAudioCache

_HEADS, _WIDTH, _FRAMES, _WINDOWS = 8, 64, 1500, 16
_STATE = _HEADS * _WIDTH


def compare(label: str, theirs: Callable[[], object], ours: Callable[[], object]) -> None:
    """Time both alternately, after a warm-up."""
    times: dict[Callable[[], object], list[float]] = {theirs: [], ours: []}
    for repetition in range(13):
        for call, measured in times.items():
            began = time.perf_counter()
            call()
            if repetition >= 3:
                measured.append(1000 * (time.perf_counter() - began))
    theirs_ms, ours_ms = (median(measured) for measured in times.values())
    print(f"{label:58} {theirs_ms:7.2f} {ours_ms:7.2f} {theirs_ms / ours_ms:6.1f}x", flush=True)


def main() -> None:
    """Compare in each precision that the CPU supports."""
    print(f"{cpu_name()}, {torch.get_num_threads()} threads")
    print(f"{'milliseconds':58} {'torch':>7} {'ours':>7} {'ratio':>7}")
    for dtype in dtypes_of(torch.device("cpu")):
        name = precision_of(dtype)
        for rows, part in ((_FRAMES, "encoder"), (_WINDOWS, "step")):
            linear = nn.Linear(_STATE, 4 * _STATE, dtype=dtype)
            packed = kernels.PackedLinear(linear.weight, linear.bias)
            x = torch.randn(rows, _STATE, dtype=dtype)
            compare(
                f"linear {_STATE} to {4 * _STATE}, {rows} rows ({part}), {name}",
                partial(linear, x),
                partial(packed, x),
            )
        q, k, v = torch.randn(3, 1, _HEADS, _FRAMES, _WIDTH, dtype=dtype).unbind(0)
        compare(
            f"self-attention of {_FRAMES} frames (encoder), {name}",
            partial(F.scaled_dot_product_attention, q, k, v),
            partial(kernels.attend, q, k, v),
        )
        shape = (2, _WINDOWS, _HEADS, _FRAMES, _WIDTH)
        keys, values = torch.randn(shape, dtype=dtype).unbind(0)
        query = torch.randn(_WINDOWS, _HEADS, 1, _WIDTH, dtype=dtype)
        audio = QuantizedAudioCache(1, _WINDOWS, _HEADS, _WIDTH, _FRAMES)
        for window in range(_WINDOWS):
            audio.put(window, [(keys[window], values[window])])
        label = f"cross-attention of {_WINDOWS} windows (step), {name}"
        compare(
            label,
            partial(F.scaled_dot_product_attention, query, keys, values),
            partial(kernels.attend, query, keys, values),
        )
        compare(
            f"{label}, ours in 8 bits",
            partial(F.scaled_dot_product_attention, query, keys, values),
            partial(audio.attend, query, 0),
        )


if __name__ == "__main__":
    with torch.inference_mode():
        main()
