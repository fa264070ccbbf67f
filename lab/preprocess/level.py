"""Normalise the level of a recording without clipping."""

import math

import numpy as np

from lab.audio import Samples
from lab.audio.levels import loudness_lufs, peak_dbfs
from lab.preprocess.recipe import Level

_ROUNDING_DB = 1e-6


def normalize_level(samples: Samples, step: Level, *, sample_rate: int) -> list[str]:
    """Normalise `samples`, float32, shape (..., n), in place; returns warnings."""
    peak = peak_dbfs(samples)
    if peak == -math.inf:
        return []  # silent; reading it has already warned
    if step.measure == "peak":
        current_db, unit = peak, "dBFS"
    else:
        loudness, unit = loudness_lufs(samples, sample_rate=sample_rate), "LUFS"
        if loudness is None or loudness == -math.inf:
            reason = "too quiet" if loudness else "too short (or of too many channels)"
            return [
                f"The level was left unchanged: the recording is {reason} to measure its loudness."
            ]
        current_db = loudness
    warnings = []
    gain_db = step.target_db - current_db
    if peak + gain_db > step.ceiling_dbfs + _ROUNDING_DB:
        gain_db = step.ceiling_dbfs - peak
        warnings.append(
            f"The level is {current_db + gain_db:.1f} {unit} instead of {step.target_db:g}: more "
            f"gain would push the peak above {step.ceiling_dbfs:g} dBFS and distort it."
        )
    samples *= np.float32(10 ** (gain_db / 20))
    return warnings
