"""Features computed from the short-time Fourier transform."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lab.audio import Samples, Waveform
from lab.features import frames
from lab.features.feature import Axis, Feature, FloatArray, frame_feature, frequency_axis
from lab.features.settings import FeatureSettings

# Default of librosa: power is clipped to -100 dB, so that silence has a logarithm.
_AMIN = 1e-10
_BLOCK_VALUES = 1 << 20
_SILENT = "The recording is digital silence, so all values are 0 dB."
# `librosa.feature.mfcc` always uses this range.
_MFCC_TOP_DB = 80.0


def mel_filters(settings: FeatureSettings, sample_rate: int) -> FloatArray:
    """Return the triangular mel filters, shape (n_mels, 1 + n_fft // 2)."""
    import librosa

    filters: FloatArray = librosa.filters.mel(
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
    """Return the centre frequencies of the mel filters, in Hz."""
    centres = settings.mel_edges(sample_rate, settings.n_mels)[1:-1]
    return Axis("Frequency", "Hz", settings.n_mels, listed=centres)


def decibels(power: FloatArray, *, reference: float) -> None:
    """Convert power to decibels in place; `librosa.power_to_db` needs four times its memory.

    power: float32, shape (rows, columns), at least 0
    reference: power that becomes 0 dB
    """
    import librosa

    step = max(_BLOCK_VALUES // len(power), 1)
    for start in range(0, power.shape[1], step):
        block = power[:, start : start + step]
        # In single precision: otherwise the maximum would miss 0 dB by a rounding error.
        block[:] = librosa.power_to_db(
            block, ref=lambda _: np.float32(reference), amin=_AMIN, top_db=None
        )


def power(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """Compute the power spectrogram |STFT|², linear."""
    rows = frequency_axis(settings.n_fft, waveform.sample_rate)
    return frame_feature(
        "power",
        _map_blocks(waveform.samples, settings, rows.n, lambda block: block),
        "Power",
        sample_rate=waveform.sample_rate,
        hop_length=settings.hop_length,
        rows=rows,
        rows_description=f"frequency bins (n_fft / 2 + 1 = {settings.n_fft} / 2 + 1, one every "
        f"{rows.step:.4g} Hz up to half the sample rate)",
    )


def mel(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """Compute the mel spectrogram, linear."""
    filters = mel_filters(settings, waveform.sample_rate)
    return frame_feature(
        "mel",
        _map_blocks(waveform.samples, settings, settings.n_mels, lambda block: filters @ block),
        "Power",
        sample_rate=waveform.sample_rate,
        hop_length=settings.hop_length,
        rows=mel_axis(settings, waveform.sample_rate),
        rows_description=f"mel bins (n_mels) between {settings.fmin:g} and "
        f"{settings.highest_hz(waveform.sample_rate):g} Hz",
    )


def in_decibels(
    feature: Feature, *, view: str, top_db: float, reference: float | None = None
) -> Feature:
    """Convert a spectrogram to dB, clipped to -top_db; its array is overwritten.

    feature: linear power from `power`, `mel` or `lab.features.reduce.overview`
    view: key of the resulting view
    reference: power at 0 dB, by default the maximum; pass that of the whole recording if an
        excerpt should look as it does there
    """
    loudest = float(feature.array.max(initial=0.0)) if reference is None else reference
    decibels(feature.array, reference=loudest)
    np.maximum(feature.array, -top_db, out=feature.array)
    notes = feature.notes if loudest else (*feature.notes, _SILENT)
    return replace(feature, view=view, unit="dB", notes=notes)


def power_db(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """Compute the power spectrogram in dB, with the maximum at 0 dB."""
    return in_decibels(power(waveform, settings), view="power_db", top_db=settings.top_db)


def log_mel(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """Compute the log-mel spectrogram in dB, with the maximum at 0 dB."""
    return in_decibels(mel(waveform, settings), view="log_mel", top_db=settings.top_db)


def mel_bank(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """Return the mel filters themselves: one row each, with a weight per frequency bin."""
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
        "(n_fft / 2 + 1). Their product with the power spectrogram is the mel spectrogram.",
    )


def mfcc(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """Compute mel-frequency cepstral coefficients like librosa: of dB re 1 with a range of 80."""
    import librosa

    mels = mel(waveform, settings)
    decibels(mels.array, reference=1.0)
    np.maximum(mels.array, mels.array.max() - _MFCC_TOP_DB, out=mels.array)
    return frame_feature(
        "mfcc",
        librosa.feature.mfcc(S=mels.array, n_mfcc=settings.n_mfcc),
        "Value",
        sample_rate=waveform.sample_rate,
        hop_length=settings.hop_length,
        rows=Axis("Coefficient", "", settings.n_mfcc),
        rows_description=f"coefficients (n_mfcc), the first of {settings.n_mels} that result from "
        f"{settings.n_mels} mel bins",
    )


def long_term(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """Compute the mean power of each frequency bin over all frames, in dB below the maximum."""
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
        f"{axis.n:,} frequency bins (n_fft / 2 + 1), one every {axis.step:.4g} Hz, averaged over "
        f"{n_frames:,} frames.",
        () if loudest else (_SILENT,),
    )


def _map_blocks(
    samples: Samples,
    settings: FeatureSettings,
    n_rows: int,
    function: Callable[[FloatArray], FloatArray],
) -> FloatArray:
    """Apply `function` to each block of the power spectrogram; returns the concatenation."""
    n_frames = frames.count(
        len(samples), frame_length=settings.n_fft, hop_length=settings.hop_length
    )
    array = frames.empty(n_rows, n_frames)
    for start, block in frames.power_blocks(samples, settings):
        array[:, start : start + block.shape[1]] = function(block)
    return array
