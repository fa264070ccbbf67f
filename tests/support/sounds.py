"""Sounds that the tests of preparing share."""

import numpy as np

RATE = 16_000  # Hz


def sine(hz: float, *, rate: int = RATE, seconds: float = 2.0, level: float = 0.5) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def level_db(samples: np.ndarray) -> float:
    """RMS of the middle half, in dB."""
    n = samples.shape[-1]
    middle = samples[n // 4 : 3 * n // 4].astype(np.float64)
    return float(20 * np.log10(np.sqrt(np.mean(middle**2)) + 1e-12))
