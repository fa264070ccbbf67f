"""The views with one number for each moment: the waveform itself, its energy, its pitch."""

import math

import numpy as np

from lab.audio import Samples, Waveform
from lab.features import frames
from lab.features.feature import Axis, Feature, Numbers, frames_in_words, time_axis
from lab.features.settings import FeatureSettings

# From a deep man's voice (C2) to a child's; laughter and screams may lie above.
PITCH_RANGE_HZ = (65.0, 500.0)
# YIN needs two periods, and is surer with a few more.
_PITCH_PERIODS = 4
# Those of `librosa.effects.trim`.
_TRIM_FRAME, _TRIM_HOP = 2048, 512


def pitch_frame(sample_rate: int) -> int:
    """Samples that YIN sees at once: the power of two from four periods of the lowest pitch on."""
    return int(2 ** math.ceil(math.log2(_PITCH_PERIODS * sample_rate / PITCH_RANGE_HZ[0])))


def waveform(recording: Waveform, settings: FeatureSettings) -> Feature:  # noqa: ARG001
    """The samples as they are; the array is that of `recording`, not a copy."""
    n, sample_rate = len(recording.samples), recording.sample_rate
    return Feature(
        "waveform",
        recording.samples,
        (Axis("Time", "s", n, step=1 / sample_rate),),
        "Amplitude",
        "",
        f"{n:,} samples, {sample_rate:,} a second for {recording.duration_s:.4g} s.",
    )


def sounding_part(recording: Waveform, settings: FeatureSettings) -> tuple[float, float]:
    """Where the first sound begins and the last one ends, in seconds: the rest is trimmed.

    As `librosa.effects.trim(top_db=silence_db)` with its own frames. Digital silence is not
    trimmed, for nothing in it is louder than the rest.
    """
    import librosa

    levels = rms(recording.samples, frame_length=_TRIM_FRAME, hop_length=_TRIM_HOP)
    levels_db = librosa.amplitude_to_db(levels, ref=np.max, top_db=None)
    sounding = np.flatnonzero(levels_db > -settings.silence_db)
    start = int(sounding[0]) * _TRIM_HOP
    end = min(int(sounding[-1] + 1) * _TRIM_HOP, len(recording.samples))
    return start / recording.sample_rate, end / recording.sample_rate


def energy(recording: Waveform, settings: FeatureSettings) -> Feature:
    """The root mean square of each frame."""
    levels = rms(recording.samples, frame_length=settings.n_fft, hop_length=settings.hop_length)
    return _track("energy", levels, "RMS amplitude", "", recording, settings)


def pitch(recording: Waveform, settings: FeatureSettings) -> Feature:
    """The fundamental frequency of each frame in Hz by YIN, NaN where it is silent.

    Of librosa's two estimators only YIN is quick enough to follow a control: pYIN decides which
    frames are voiced, and takes many times as long.
    """
    import librosa

    frame_length, hop_length = pitch_frame(recording.sample_rate), settings.hop_length
    levels = rms(recording.samples, frame_length=frame_length, hop_length=hop_length)
    hertz = np.empty_like(levels)
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
        hertz[start : start + len(part)] = part
    hertz[levels <= levels.max() * 10 ** (-settings.silence_db / 20)] = np.nan
    track = _track("pitch", hertz, "Fundamental frequency", "Hz", recording, settings)
    if np.isnan(hertz).all():
        return track.with_notes(["There is nothing but digital silence, so there is no pitch."])
    return track


def rms(samples: Samples, *, frame_length: int, hop_length: int) -> Numbers:
    """`librosa.feature.rms`, shape (frames,), without a copy of each sample for each frame."""
    import librosa

    cut = {"frame_length": frame_length, "hop_length": hop_length}
    levels = np.empty(frames.count(len(samples), **cut), np.float32)
    for start, piece in frames.blocks(samples, **cut):
        part = librosa.feature.rms(
            y=piece, frame_length=frame_length, hop_length=hop_length, center=False
        )[0]
        levels[start : start + len(part)] = part
    return levels


def _track(
    view: str,
    numbers: Numbers,
    quantity: str,
    unit: str,
    recording: Waveform,
    settings: FeatureSettings,
) -> Feature:
    cut = {"hop_length": settings.hop_length, "sample_rate": recording.sample_rate}
    in_words = f"One number for each of {frames_in_words(len(numbers), **cut)}."
    return Feature(view, numbers, (time_axis(len(numbers), **cut),), quantity, unit, in_words)
