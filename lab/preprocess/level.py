"""Making a recording as loud as wanted, without clipping."""

import math

import numpy as np

from lab.audio import Samples
from lab.audio.levels import loudness_lufs, peak_dbfs
from lab.preprocess.recipe import Level

_ROUNDING_DB = 1e-6


def set_level(samples: Samples, step: Level, *, sample_rate: int) -> list[str]:
    """Bring `samples`, float32, shape (..., n), to a level in place; returns warnings."""
    peak = peak_dbfs(samples)
    if peak == -math.inf:
        return []  # nothing to make louder; that it is silent was said when it was read
    if step.measure == "peak":
        now, unit = peak, "dBFS"
    else:
        loudness, unit = loudness_lufs(samples, sample_rate=sample_rate), "LUFS"
        if loudness is None or loudness == -math.inf:
            reason = "too quiet" if loudness else "too short (or of too many channels)"
            return [f"The loudness was left as it is: the recording is {reason} to measure it."]
        now = loudness
    warnings = []
    gain_db = step.target_db - now
    if peak + gain_db > step.ceiling_dbfs + _ROUNDING_DB:
        gain_db = step.ceiling_dbfs - peak
        warnings.append(
            f"The level is {now + gain_db:.1f} {unit} instead of {step.target_db:g}: more gain "
            f"would push the loudest moment beyond {step.ceiling_dbfs:g} dBFS and distort it."
        )
    samples *= np.float32(10 ** (gain_db / 20))
    return warnings
