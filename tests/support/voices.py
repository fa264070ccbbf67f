"""Sounds that the tests of exploring share."""

import numpy as np

from lab.audio import Waveform

RATE = 16_000  # Hz


def voice(seconds: float = 2.0, *, rate: int = RATE, hz: float = 120.0) -> Waveform:
    """A buzz with overtones that comes and goes, over a little noise."""
    t = np.arange(round(seconds * rate)) / rate
    tones = sum(np.sin(2 * np.pi * n * hz * t) / n for n in range(1, 12))
    noise = np.random.default_rng(0).normal(0, 0.003, len(t))
    samples = 0.2 * tones * (0.55 + 0.45 * np.sin(2 * np.pi * 1.5 * t)) + noise
    return Waveform(samples.astype(np.float32), rate)


def silence(seconds: float = 1.0) -> Waveform:
    return Waveform(np.zeros(round(seconds * RATE), np.float32), RATE)
