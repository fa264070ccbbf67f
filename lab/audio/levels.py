"""Peak level, perceived loudness and clipping."""

import math

import numpy as np
from numpy.typing import NDArray

from lab.audio import Samples

# ITU-R BS.1770-4, annex 1: blocks of 400 ms overlap by 75 %; those below -70 LUFS are ignored, as
# are those more than 10 LU below the mean of the others.
_GATE_S, _GATE_STEP_S = 0.4, 0.1
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
# Measured piece by piece: the meter's filters need eight times the memory of the samples.
_PIECE_S = 60
_SETTLING_S = 1  # of the meter's 38 Hz high-pass, a time constant of 4 ms
_MAX_METER_CHANNELS = 5
_MIN_METER_RATE = 4_000  # Hz; its high shelf at 1.7 kHz has to lie well below half of that

# 16 bits reach 32767 of 32768, and some encoders one less.
FULL_SCALE = 32_766 / 32_768
# An unclipped wave touches full scale with a sample or two at most.
_CLIPPED_RUN = 3


def peak_dbfs(samples: Samples) -> float:
    """Peak level in dB relative to ±1; -inf for digital silence.

    samples: shape (..., n)
    """
    # Unlike `np.abs`, this makes no copy.
    peak = max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))
    return 20 * math.log10(peak) if peak else -math.inf


def loudness_lufs(samples: Samples, *, sample_rate: int) -> float | None:
    """Integrated loudness by ITU-R BS.1770-4 in LUFS; -inf if all blocks are below -70 LUFS.

    samples: shape (n,), or (n_channels, n) with at most five channels
    sample_rate: Hz
    Returns None if it is not defined: below 400 ms or 4 kHz, or with more channels.
    """
    from pyloudnorm import Meter  # type: ignore[import-untyped]

    channels = np.atleast_2d(samples)
    n = channels.shape[1]
    is_measurable = n >= _GATE_S * sample_rate and sample_rate >= _MIN_METER_RATE
    if not is_measurable or len(channels) > _MAX_METER_CHANNELS:
        return None
    # These filters have the coefficients of the standard at 48 kHz.
    meter = Meter(sample_rate, filter_class="DeMan", block_size=_GATE_S)
    levels: list[float] = []
    piece, settling = _PIECE_S * sample_rate, _SETTLING_S * sample_rate
    for start in range(0, n, piece):
        first = max(start - settling, 0)
        end = min(start + piece + round((_GATE_S - _GATE_STEP_S) * sample_rate), n)
        if end - start < _GATE_S * sample_rate:
            break  # the rest is in the previous blocks
        meter.integrated_loudness(channels[:, first:end].T.astype(np.float64))
        levels += meter.blockwise_loudness[round((start - first) / sample_rate / _GATE_STEP_S) :]
    blocks = np.array(levels)
    blocks = blocks[blocks > _ABSOLUTE_GATE_LUFS]
    if not len(blocks):
        return -math.inf
    return _mean_level(blocks[blocks > _mean_level(blocks) + _RELATIVE_GATE_LU])


def _mean_level(levels: NDArray[np.float64]) -> float:
    return float(10 * np.log10(np.mean(10 ** (levels / 10))))


def clipped_samples(samples: Samples) -> int:
    """Number of samples in runs of three or more at full scale, where the wave was clipped.

    samples: shape (..., n)
    """
    full = np.abs(samples) >= FULL_SCALE
    if not full.any():
        return 0
    # The first samples of runs of three, then all samples of these runs.
    starts = full[..., :-2] & full[..., 1:-1] & full[..., 2:]
    clipped = np.zeros_like(full)
    for offset in range(_CLIPPED_RUN):
        clipped[..., offset : offset + starts.shape[-1]] |= starts
    return int(np.count_nonzero(clipped))
