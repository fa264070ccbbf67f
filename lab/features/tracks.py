"""Features with one value per sample or frame: waveform, energy, pitch."""

import math

import numpy as np

from lab.audio import Samples, Waveform
from lab.features import frames
from lab.features.feature import Axis, Feature, FloatArray, describe_frames, time_axis
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
    return _track("energy", levels, "RMS amplitude", "", recording, settings)


def pitch(recording: Waveform, settings: FeatureSettings) -> Feature:
    """Estimate the fundamental frequency of each frame in Hz with YIN; NaN in silence.

    pYIN would also tell which frames are voiced, but is too slow for interactive use.
    """
    import librosa

    frame_length, hop_length = pitch_frame_length(recording.sample_rate), settings.hop_length
    levels = rms(recording.samples, frame_length=frame_length, hop_length=hop_length)
    f0_hz = np.empty_like(levels)
    fmin, fmax = PITCH_RANGE_HZ
    for start, piece in frames.blocks(
        recording.samples, frame_length=frame_length, hop_length=hop_length
    ):
        part = librosa.yin(
            piece,
            fmin=fmin,
            fmax=fmax,
            sr=recording.sample_rate,
            frame_length=frame_length,
            hop_length=hop_length,
            center=False,
        )
        f0_hz[start : start + len(part)] = part
    f0_hz[levels <= levels.max() * 10 ** (-settings.silence_db / 20)] = np.nan
    track = _track("pitch", f0_hz, "Fundamental frequency", "Hz", recording, settings)
    if np.isnan(f0_hz).all():
        return track.with_notes(["The recording is digital silence, so it has no pitch."])
    return track


def rms(samples: Samples, *, frame_length: int, hop_length: int) -> FloatArray:
    """Compute `librosa.feature.rms`, shape (frames,), without copying samples for every frame."""
    import librosa

    framing = {"frame_length": frame_length, "hop_length": hop_length}
    levels = np.empty(frames.count(len(samples), **framing), np.float32)
    for start, piece in frames.blocks(samples, **framing):
        part = librosa.feature.rms(
            y=piece, frame_length=frame_length, hop_length=hop_length, center=False
        )[0]
        levels[start : start + len(part)] = part
    return levels


def _track(
    view: str,
    values: FloatArray,
    quantity: str,
    unit: str,
    recording: Waveform,
    settings: FeatureSettings,
) -> Feature:
    framing = {"hop_length": settings.hop_length, "sample_rate": recording.sample_rate}
    description = f"One value for each of {describe_frames(len(values), **framing)}."
    return Feature(view, values, (time_axis(len(values), **framing),), quantity, unit, description)
