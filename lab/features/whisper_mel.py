"""What enters Whisper's encoder."""

import numpy as np

from lab.audio import SAMPLE_RATE, Samples, Waveform
from lab.core.errors import AudioError
from lab.features import frames
from lab.features.feature import Feature
from lab.features.settings import FeatureSettings
from lab.features.spectra import framed, mel_axis

# 1 min, whose complex spectrum takes 10 MB.
_BLOCK_FRAMES = 6000
# The last steps of `log_mel_spectrogram`: nothing below 1e-10, nor 8 below the maximum in log10;
# then (log10 + 4) / 4, which lies within ±1 for most recordings.
_MIN_POWER, _RANGE, _SHIFT = 1e-10, 8.0, 4.0


def whisper_log_mel(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """The same as `whisper.log_mel_spectrogram`, resampled to 16 kHz first.

    That function would take 1.9 GB for an hour, and done piece by piece it would cut each piece
    below its own maximum. So its steps are taken here, with torch's transform and its own filters.

    Raises AudioError for a recording that is too short for Whisper's window, below 12.6 ms.
    """
    import torch
    from whisper.audio import HOP_LENGTH, N_FFT, mel_filters

    samples, edge = _at_whispers_rate(waveform), N_FFT // 2
    if len(samples) <= edge:
        raise AudioError(
            f"The recording lasts {1000 * waveform.duration_s:.3g} ms. Whisper needs more than "
            f"{1000 * edge / SAMPLE_RATE:g} ms: bring a longer one."
        )
    n_frames = len(samples) // HOP_LENGTH
    array = frames.empty(settings.whisper_mels, n_frames)
    filters = mel_filters("cpu", settings.whisper_mels)
    window = torch.hann_window(N_FFT)
    mirrored = torch.from_numpy(np.pad(samples, edge, mode="reflect"))
    for start in range(0, n_frames, _BLOCK_FRAMES):
        end = min(start + _BLOCK_FRAMES, n_frames)
        piece = mirrored[start * HOP_LENGTH : (end - 1) * HOP_LENGTH + N_FFT]
        spectrum = torch.stft(
            piece, N_FFT, HOP_LENGTH, window=window, center=False, return_complex=True
        )
        mels = filters @ spectrum.abs() ** 2
        array[:, start:end] = mels.clamp(min=_MIN_POWER).log10().numpy()
    np.maximum(array, array.max() - _RANGE, out=array)
    array += _SHIFT
    array /= _SHIFT
    whisper = FeatureSettings(n_fft=N_FFT, hop_length=HOP_LENGTH, n_mels=settings.whisper_mels)
    return framed(
        "whisper",
        array,
        mel_axis(whisper, SAMPLE_RATE),
        "Scaled log10 of power",
        f"mel bins between 0 and {SAMPLE_RATE // 2} Hz",
        Waveform(samples, SAMPLE_RATE),
        whisper,
    )


def _at_whispers_rate(waveform: Waveform) -> Samples:
    import librosa

    if waveform.sample_rate == SAMPLE_RATE:
        return waveform.samples
    resampled: Samples = librosa.resample(
        waveform.samples, orig_sr=waveform.sample_rate, target_sr=SAMPLE_RATE
    )
    return resampled
