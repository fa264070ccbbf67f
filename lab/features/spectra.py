"""Features computed from the short-time Fourier transform."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lab.audio import SAMPLE_RATE, Samples, Waveform
from lab.core.errors import AudioError
from lab.features import frames
from lab.features.feature import Axis, Feature, FloatArray, frame_feature, frequency_axis
from lab.features.settings import FeatureSettings

# Default of librosa: power is clipped to -100 dB, so that silence has a logarithm.
_AMIN = 1e-10
_BLOCK_VALUES = 1 << 20
_SILENT = "The recording is digital silence, so all values are 0 dB."
# `librosa.feature.mfcc` always uses this range.
_MFCC_TOP_DB = 80.0
# 1 min, the complex spectrum of which takes 10 MB.
_WHISPER_BLOCK_FRAMES = 6000
# The last steps of `log_mel_spectrogram`: clip to 1e-10 and, in log10, to 8 below the maximum;
# then (log10 + 4) / 4, which is within ±1 for most recordings.
_WHISPER_MIN_POWER, _WHISPER_RANGE, _WHISPER_SHIFT = 1e-10, 8.0, 4.0


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
    """Convert a spectrum or spectrogram to dB, clipped to -top_db; its array is overwritten.

    feature: linear power, such as from `power`, `mel` or `lab.features.reduce.overview`
    view: key of the resulting view
    reference: power at 0 dB, by default the maximum; pass that of the whole recording if an
        excerpt should look as it does there
    """
    loudest = float(feature.array.max(initial=0.0)) if reference is None else reference
    decibels(np.atleast_2d(feature.array), reference=loudest)
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
    linear = Feature(
        "spectrum",
        (total / n_frames).astype(np.float32),
        (axis,),
        "Power",
        "",
        f"{axis.n:,} frequency bins (n_fft / 2 + 1), one every {axis.step:.4g} Hz, averaged over "
        f"{n_frames:,} frames.",
    )
    return in_decibels(linear, view="spectrum", top_db=settings.top_db)


def whisper_log_mel(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """Compute `whisper.log_mel_spectrogram` after resampling to 16 kHz.

    For an hour, that function takes 1.9 GB, and block by block it would clip each block relative to
    the block's own maximum. So its steps are repeated here, with the same transform and filters.

    Raises AudioError for a recording shorter than half of Whisper's window (12.5 ms).
    """
    import librosa
    import torch
    from whisper import audio
    from whisper.audio import HOP_LENGTH, N_FFT

    samples: Samples = librosa.resample(
        waveform.samples, orig_sr=waveform.sample_rate, target_sr=SAMPLE_RATE
    )
    edge = N_FFT // 2
    if len(samples) <= edge:
        raise AudioError(
            f"The recording lasts {1000 * waveform.duration_s:.3g} ms. Whisper needs more than "
            f"{1000 * edge / SAMPLE_RATE:g} ms. Choose a longer one."
        )
    n_frames = len(samples) // HOP_LENGTH
    array = frames.empty(settings.whisper_mels, n_frames)
    filters = audio.mel_filters("cpu", settings.whisper_mels)
    window = torch.hann_window(N_FFT)
    padded = torch.from_numpy(np.pad(samples, edge, mode="reflect"))
    for start in range(0, n_frames, _WHISPER_BLOCK_FRAMES):
        end = min(start + _WHISPER_BLOCK_FRAMES, n_frames)
        block = padded[start * HOP_LENGTH : (end - 1) * HOP_LENGTH + N_FFT]
        spectrum = torch.stft(
            block, N_FFT, HOP_LENGTH, window=window, center=False, return_complex=True
        )
        mels = filters @ spectrum.abs() ** 2
        array[:, start:end] = mels.clamp(min=_WHISPER_MIN_POWER).log10().numpy()
    np.maximum(array, array.max() - _WHISPER_RANGE, out=array)
    array += _WHISPER_SHIFT
    array /= _WHISPER_SHIFT
    whisper = FeatureSettings(n_mels=settings.whisper_mels)
    return frame_feature(
        "whisper",
        array,
        "Scaled log10 of power",
        sample_rate=SAMPLE_RATE,
        hop_length=HOP_LENGTH,
        rows=mel_axis(whisper, SAMPLE_RATE),
        rows_description=f"mel bins between 0 and {SAMPLE_RATE // 2} Hz",
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
