"""Features with one value per sample or frame: waveform, energy, pitch."""

import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from lab.audio import Samples, Waveform
from lab.features import frames
from lab.features.feature import Axis, Feature, FloatArray, frame_feature
from lab.features.settings import FeatureSettings

# From a deep male voice (C2) to a child's; laughter and screams may be higher.
PITCH_RANGE_HZ = (65.0, 500.0)
# YIN needs two periods, and is more reliable with a few more.
_PITCH_PERIODS = 4
# Defaults of `librosa.effects.trim`.
_TRIM_FRAME, _TRIM_HOP = 2048, 512


def pitch_frame_length(sample_rate: int) -> int:
    """Return YIN's frame length: a power of two that covers four periods of the lowest pitch."""
    return int(2 ** math.ceil(math.log2(_PITCH_PERIODS * sample_rate / PITCH_RANGE_HZ[0])))


def waveform(recording: Waveform, settings: FeatureSettings) -> Feature:  # noqa: ARG001
    """Return the samples themselves, without a copy."""
    n, sample_rate = len(recording.samples), recording.sample_rate
    return Feature(
        "waveform",
        recording.samples,
        (Axis("Time", "s", n, step=1 / sample_rate),),
        "Amplitude",
        "",
        f"{n:,} samples: {recording.duration_s:.4g} s at {sample_rate:,} Hz.",
    )


def non_silent_range(recording: Waveform, settings: FeatureSettings) -> tuple[float, float]:
    """Return the range without leading and trailing silence, in seconds.

    Same result as `librosa.effects.trim(top_db=silence_db)`. Digital silence is not trimmed, since
    all of it is as loud as its maximum.
    """
    import librosa

    levels = rms(recording.samples, frame_length=_TRIM_FRAME, hop_length=_TRIM_HOP)
    levels_db = librosa.amplitude_to_db(levels, ref=np.max, top_db=None)
    loud = np.flatnonzero(levels_db > -settings.silence_db)
    start = int(loud[0]) * _TRIM_HOP
    end = min(int(loud[-1] + 1) * _TRIM_HOP, len(recording.samples))
    return start / recording.sample_rate, end / recording.sample_rate


def energy(recording: Waveform, settings: FeatureSettings) -> Feature:
    """Compute the root mean square of each frame."""
    levels = rms(recording.samples, frame_length=settings.n_fft, hop_length=settings.hop_length)
    return frame_feature(
        "energy",
        levels,
        "RMS amplitude",
        sample_rate=recording.sample_rate,
        hop_length=settings.hop_length,
    )


def pitch(recording: Waveform, settings: FeatureSettings) -> Feature:
    """Estimate the fundamental frequency of each frame in Hz with YIN; NaN in silence.

    pYIN would also tell which frames are voiced, but is too slow for interactive use.
    """
    import librosa

    sample_rate, (fmin, fmax) = recording.sample_rate, PITCH_RANGE_HZ
    framing: dict[str, Any] = {
        "frame_length": pitch_frame_length(sample_rate),
        "hop_length": settings.hop_length,
    }
    levels = rms(recording.samples, **framing)
    yin = partial(librosa.yin, fmin=fmin, fmax=fmax, sr=sample_rate, center=False, **framing)
    f0_hz = frames.per_frame(recording.samples, yin, **framing)
    f0_hz[levels <= levels.max() * 10 ** (-settings.silence_db / 20)] = np.nan
    track = frame_feature(
        "pitch",
        f0_hz,
        "Fundamental frequency",
        "Hz",
        sample_rate=sample_rate,
        hop_length=settings.hop_length,
    )
    if not np.isnan(f0_hz).all():
        return track
    return replace(track, notes=("The recording is digital silence, so it has no pitch.",))


def rms(samples: Samples, *, frame_length: int, hop_length: int) -> FloatArray:
    """Compute `librosa.feature.rms`, shape (frames,), without copying samples for every frame."""
    import librosa

    framing: dict[str, Any] = {"frame_length": frame_length, "hop_length": hop_length}
    return frames.per_frame(
        samples, lambda y: librosa.feature.rms(y=y, center=False, **framing)[0], **framing
    )
