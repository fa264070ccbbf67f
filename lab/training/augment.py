"""Clips changed a little each time, so that a model learns the words and not the recordings.

Each function stands alone, so that a page can draw and play what it does to a clip.
"""

import numpy as np
import numpy.typing as npt

from lab.audio import SAMPLE_RATE, Samples
from lab.training.config import Augmentation

Mel = npt.NDArray[np.floating]
_FRAMES_PER_S = 100
_WINDOW_SAMPLES = 30 * SAMPLE_RATE
# Noise is quieter than the loudest that is allowed by up to so much.
_SNR_RANGE_DB = 20.0


def changed_sound(
    samples: Samples,
    by: Augmentation,
    rng: np.random.Generator,
    *,
    max_samples: int = _WINDOW_SAMPLES,
) -> Samples:
    """A clip, float32 at 16 kHz, faster or slower, with noise, louder or quieter, as `by` says.

    max_samples: what it may have afterwards; a clip that has as many is not played slower
    """
    if by.speed:
        slowest = min(max(1 - by.speed, len(samples) / max_samples), 1.0)
        samples = at_speed(samples, rng.uniform(slowest, 1 + by.speed))[:max_samples]
    if by.noise and rng.random() < by.noise:
        snr_db = by.noise_snr_db + rng.uniform(0, _SNR_RANGE_DB)
        samples = with_noise(samples, snr_db=snr_db, rng=rng)
    if by.gain_db:
        samples = with_gain(samples, rng.uniform(-by.gain_db, by.gain_db))
    return samples


def at_speed(samples: Samples, factor: float) -> Samples:
    """`factor` times as fast, and as much higher in pitch, as a tape is (Ko et al. 2015)."""
    import soxr  # type: ignore[import-untyped]

    faster: Samples = soxr.resample(samples, SAMPLE_RATE * factor, SAMPLE_RATE)
    return faster


def with_noise(samples: Samples, *, snr_db: float, rng: np.random.Generator) -> Samples:
    """With noise between white (a hiss) and brown (a rumble), `snr_db` below the clip."""
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    slope = rng.uniform(0, 1)  # power falls by f^(-2 slope)
    spectrum /= np.maximum(np.arange(len(spectrum)), 1.0) ** slope
    noise = np.fft.irfft(spectrum, len(samples))
    loudness = np.sqrt(np.mean(np.square(samples, dtype=np.float64)))
    wanted = loudness * 10 ** (-snr_db / 20)
    noise *= wanted / max(float(np.sqrt(np.mean(noise**2))), 1e-12)
    noisy: Samples = samples + noise.astype(np.float32)
    return noisy


def with_gain(samples: Samples, gain_db: float) -> Samples:
    """Louder by `gain_db`; what would be beyond ±1 is cut off, as a recorder does."""
    louder: Samples = np.clip(samples * np.float32(10 ** (gain_db / 20)), -1, 1)
    return louder


def masked(mel: Mel, by: Augmentation, rng: np.random.Generator) -> Mel:
    """A copy of a log-mel spectrogram with stretches and bands at its mean (Park et al. 2019).

    mel: shape (n_mels, frames of 10 ms)
    """
    mel = mel.copy()
    n_mels, n_frames = mel.shape
    mean = mel.mean()
    for _ in range(by.time_masks):
        # Never more than a fifth of the clip at once: a word that is gone cannot be learned.
        longest = min(by.time_mask_s * _FRAMES_PER_S, n_frames / 5)
        start, length = _stretch(n_frames, longest, rng)
        mel[:, start : start + length] = mean
    for _ in range(by.frequency_masks):
        start, length = _stretch(n_mels, min(by.frequency_mask_mels, n_mels), rng)
        mel[start : start + length] = mean
    return mel


def _stretch(size: int, longest: float, rng: np.random.Generator) -> tuple[int, int]:
    length = int(rng.integers(0, int(longest) + 1))
    return int(rng.integers(0, size - length + 1)), length
