"""Data augmentation: random changes to waveforms and spectrograms that reduce overfitting."""

import numpy as np
import numpy.typing as npt

from lab.audio import SAMPLE_RATE, Samples
from lab.training.config import Augmentation

Mel = npt.NDArray[np.floating]
_FRAMES_PER_S = 100
_WINDOW_SAMPLES = 30 * SAMPLE_RATE
# The signal-to-noise ratio is drawn from this range above its minimum.
_SNR_RANGE_DB = 20.0


def augment_waveform(
    samples: Samples,
    augmentation: Augmentation,
    rng: np.random.Generator,
    *,
    max_samples: int = _WINDOW_SAMPLES,
) -> Samples:
    """Change the speed and level of a clip at random, and add noise.

    samples: shape (n,), at 16 kHz
    max_samples: maximum length of the result; limits how much a clip is slowed down
    """
    if speed := augmentation.max_speed_change:
        slowest = min(max(1 - speed, len(samples) / max_samples), 1.0)
        samples = change_speed(samples, rng.uniform(slowest, 1 + speed))[:max_samples]
    if augmentation.noise_probability and rng.random() < augmentation.noise_probability:
        snr_db = augmentation.min_snr_db + rng.uniform(0, _SNR_RANGE_DB)
        samples = add_noise(samples, snr_db=snr_db, rng=rng)
    if gain_db := augmentation.max_gain_db:
        samples = apply_gain(samples, rng.uniform(-gain_db, gain_db))
    return samples


def change_speed(samples: Samples, factor: float) -> Samples:
    """Play a clip `factor` times as fast, with its pitch raised likewise (Ko et al. 2015)."""
    import soxr  # type: ignore[import-untyped]

    return soxr.resample(samples, SAMPLE_RATE * factor, SAMPLE_RATE)  # type: ignore[no-any-return]


def add_noise(samples: Samples, *, snr_db: float, rng: np.random.Generator) -> Samples:
    """Add noise between white (a hiss) and brown (a rumble), `snr_db` below the clip's level."""
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    slope = rng.uniform(0, 1)  # power falls by f^(-2 slope)
    spectrum /= np.maximum(np.arange(len(spectrum)), 1.0) ** slope
    noise = np.fft.irfft(spectrum, len(samples))
    noise_rms = np.sqrt(np.mean(np.square(samples, dtype=np.float64))) * 10 ** (-snr_db / 20)
    noise *= noise_rms / max(float(np.sqrt(np.mean(noise**2))), 1e-12)
    return samples + noise.astype(np.float32)


def apply_gain(samples: Samples, gain_db: float) -> Samples:
    """Amplify a clip by `gain_db`, clipping at ±1 as a recorder does."""
    louder: Samples = np.clip(samples * np.float32(10 ** (gain_db / 20)), -1, 1)
    return louder


def spec_augment(mel: Mel, augmentation: Augmentation, rng: np.random.Generator) -> Mel:
    """Mask random time spans and frequency bands with the mean: SpecAugment (Park et al. 2019).

    mel: log-mel spectrogram, shape (n_mels, frames of 10 ms); it is not changed
    """
    mel = mel.copy()
    n_mels, n_frames = mel.shape
    mean = mel.mean()
    for _ in range(augmentation.time_masks):
        # At most a fifth of the clip: a word that is masked entirely cannot be learned.
        max_length = min(augmentation.time_mask_s * _FRAMES_PER_S, n_frames / 5)
        start, length = _random_span(n_frames, max_length, rng)
        mel[:, start : start + length] = mean
    for _ in range(augmentation.frequency_masks):
        start, length = _random_span(n_mels, min(augmentation.frequency_mask_mels, n_mels), rng)
        mel[start : start + length] = mean
    return mel


def _random_span(size: int, max_length: float, rng: np.random.Generator) -> tuple[int, int]:
    length = int(rng.integers(0, int(max_length) + 1))
    return int(rng.integers(0, size - length + 1)), length
