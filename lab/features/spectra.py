"""The views that come from the short-time Fourier transform."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lab.audio import Samples, Waveform
from lab.features import frames
from lab.features.feature import (
    Axis,
    Feature,
    Numbers,
    frames_in_words,
    frequency_axis,
    time_axis,
)
from lab.features.settings import FeatureSettings

# librosa's: what is quieter than -100 dB counts as that, so that silence has a logarithm.
_AMIN = 1e-10
_BLOCK_VALUES = 1 << 20
_SILENT = "There is nothing but digital silence: all decibels are 0, relative to nothing."
# `librosa.feature.mfcc` takes the decibels so, whatever range is shown elsewhere.
_MFCC_TOP_DB = 80.0


def mel_filters(settings: FeatureSettings, sample_rate: int) -> Numbers:
    """The triangles that gather frequency bins into mel bins, shape (n_mels, 1 + n_fft // 2)."""
    import librosa

    filters: Numbers = librosa.filters.mel(
        sr=sample_rate,
        n_fft=settings.n_fft,
        n_mels=settings.n_mels,
        fmin=settings.fmin,
        fmax=settings.fmax,
        htk=settings.mel_scale == "htk",
        norm="slaney" if settings.mel_norm == "slaney" else None,
    )
    return filters


def mel_axis(settings: FeatureSettings, sample_rate: int) -> Axis:
    """The middle of each mel filter, in Hz."""
    import librosa

    edges = librosa.mel_frequencies(
        settings.n_mels + 2,
        fmin=settings.fmin,
        fmax=settings.highest_hz(sample_rate),
        htk=settings.mel_scale == "htk",
    )
    return Axis("Frequency", "Hz", settings.n_mels, listed=edges[1:-1])


def decibels(power: Numbers, *, reference: float) -> None:
    """`librosa.power_to_db` in place, which would need four times the memory of its argument.

    power: float32, shape (rows, columns), at least 0
    reference: the power that becomes 0 dB
    """
    import librosa

    step = max(_BLOCK_VALUES // len(power), 1)
    for start in range(0, power.shape[1], step):
        part = power[:, start : start + step]
        # In single precision, as the power: else the loudest would miss 0 dB by a rounding error.
        part[:] = librosa.power_to_db(
            part, ref=lambda _: np.float32(reference), amin=_AMIN, top_db=None
        )


def power(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """|STFT|², linear."""
    return framed(
        "power",
        _gathered(waveform.samples, settings, 1 + settings.n_fft // 2, lambda block: block),
        frequency_axis(settings.n_fft, waveform.sample_rate),
        "Power",
        f"frequency bins (n_fft / 2 + 1 = {settings.n_fft} / 2 + 1, one every "
        f"{waveform.sample_rate / settings.n_fft:.4g} Hz up to half the sample rate)",
        waveform,
        settings,
    )


def mel(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """The power in each mel filter, linear."""
    filters = mel_filters(settings, waveform.sample_rate)
    return framed(
        "mel",
        _gathered(waveform.samples, settings, settings.n_mels, lambda block: filters @ block),
        mel_axis(settings, waveform.sample_rate),
        "Power",
        f"mel bins (n_mels) between {settings.fmin:g} and "
        f"{settings.highest_hz(waveform.sample_rate):g} Hz",
        waveform,
        settings,
    )


def in_decibels(
    feature: Feature, *, view: str, top_db: float, reference: float | None = None
) -> Feature:
    """A spectrogram in dB, from -top_db up; its array is overwritten.

    feature: of linear power, as `power`, `mel` and `lab.features.reduce.overview` give it
    view: the key of the view that it becomes
    reference: the power that is 0 dB, the maximum unless given: for a part of a recording that is
        to look as it does in the whole
    """
    loudest = float(feature.array.max(initial=0.0)) if reference is None else reference
    decibels(feature.array, reference=loudest)
    np.maximum(feature.array, -top_db, out=feature.array)
    notes = feature.notes if loudest else (*feature.notes, _SILENT)
    return replace(feature, view=view, unit="dB", notes=notes)


def power_db(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """|STFT|² in dB, with the maximum at 0 dB."""
    return in_decibels(power(waveform, settings), view="power_db", top_db=settings.top_db)


def log_mel(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """The power in each mel filter in dB, with the maximum at 0 dB."""
    return in_decibels(mel(waveform, settings), view="log_mel", top_db=settings.top_db)


def mel_bank(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """The mel filters themselves: a row each, with a weight for every frequency bin."""
    filters = mel_filters(settings, waveform.sample_rate)
    return Feature(
        "mel_filters",
        filters,
        (
            Axis("Mel filter", "", settings.n_mels, first=1.0),
            frequency_axis(settings.n_fft, waveform.sample_rate),
        ),
        "Weight",
        "",
        f"{filters.shape[0]} mel filters (n_mels) × {filters.shape[1]} frequency bins "
        f"(n_fft / 2 + 1): times the power spectrogram, they give the mel spectrogram.",
    )


def mfcc(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """Mel-frequency cepstral coefficients, as librosa's: of dB relative to 1, 80 dB of range."""
    import librosa

    mels = mel(waveform, settings)
    decibels(mels.array, reference=1.0)
    np.maximum(mels.array, mels.array.max() - _MFCC_TOP_DB, out=mels.array)
    return framed(
        "mfcc",
        librosa.feature.mfcc(S=mels.array, n_mfcc=settings.n_mfcc),
        Axis("Coefficient", "", settings.n_mfcc),
        "Value",
        f"coefficients (n_mfcc), the first of the {settings.n_mels} that {settings.n_mels} mel "
        "bins give",
        waveform,
        settings,
    )


def long_term(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """The mean power of each frequency bin over all frames, in dB with the maximum at 0 dB."""
    axis = frequency_axis(settings.n_fft, waveform.sample_rate)
    total, n_frames = np.zeros(axis.n), 0
    for _, block in frames.power_blocks(waveform.samples, settings):
        total += block.sum(axis=1, dtype=np.float64)
        n_frames += block.shape[1]
    mean = (total / n_frames).astype(np.float32)[np.newaxis]
    loudest = float(mean.max())
    decibels(mean, reference=loudest)
    np.maximum(mean, -settings.top_db, out=mean)
    return Feature(
        "spectrum",
        mean[0],
        (axis,),
        "Power",
        "dB",
        f"{axis.n:,} frequency bins (n_fft / 2 + 1), one every {axis.step:.4g} Hz, each the mean "
        f"of {n_frames:,} frames.",
        () if loudest else (_SILENT,),
    )


def _gathered(
    samples: Samples, settings: FeatureSettings, n_rows: int, rows_of: Callable[[Numbers], Numbers]
) -> Numbers:
    """What `rows_of` makes of each block of the power spectrogram, side by side."""
    cut = {"frame_length": settings.n_fft, "hop_length": settings.hop_length}
    array = frames.empty(n_rows, frames.count(len(samples), **cut))
    for start, block in frames.power_blocks(samples, settings):
        array[:, start : start + block.shape[1]] = rows_of(block)
    return array


def framed(
    view: str,
    array: Numbers,
    rows: Axis,
    quantity: str,
    rows_in_words: str,
    waveform: Waveform,
    settings: FeatureSettings,
) -> Feature:
    cut = {"hop_length": settings.hop_length, "sample_rate": waveform.sample_rate}
    n_rows, n_frames = array.shape
    return Feature(
        view,
        array,
        (rows, time_axis(n_frames, **cut)),
        quantity,
        "",
        f"{n_rows:,} {rows_in_words} × {frames_in_words(n_frames, **cut)}.",
    )
