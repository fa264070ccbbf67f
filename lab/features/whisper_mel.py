"""The log-mel spectrogram that is the input of Whisper's encoder."""

import numpy as np

from lab.audio import SAMPLE_RATE, Samples, Waveform
from lab.core.errors import AudioError
from lab.features import frames
from lab.features.feature import Feature, frame_feature
from lab.features.settings import FeatureSettings
from lab.features.spectra import mel_axis

# 1 min, the complex spectrum of which takes 10 MB.
_BLOCK_FRAMES = 6000
# The last steps of `log_mel_spectrogram`: clip to 1e-10 and, in log10, to 8 below the maximum;
# then (log10 + 4) / 4, which is within ±1 for most recordings.
_MIN_POWER, _RANGE, _SHIFT = 1e-10, 8.0, 4.0


def whisper_log_mel(waveform: Waveform, settings: FeatureSettings) -> Feature:
    """Compute `whisper.log_mel_spectrogram` after resampling to 16 kHz.

    For an hour, that function takes 1.9 GB, and block by block it would clip each block relative to
    the block's own maximum. So its steps are repeated here, with the same transform and filters.

    Raises AudioError for a recording shorter than half of Whisper's window (12.5 ms).
    """
    import librosa
    import torch
    from whisper.audio import HOP_LENGTH, N_FFT, mel_filters

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
    filters = mel_filters("cpu", settings.whisper_mels)
    window = torch.hann_window(N_FFT)
    padded = torch.from_numpy(np.pad(samples, edge, mode="reflect"))
    for start in range(0, n_frames, _BLOCK_FRAMES):
        end = min(start + _BLOCK_FRAMES, n_frames)
        block = padded[start * HOP_LENGTH : (end - 1) * HOP_LENGTH + N_FFT]
        spectrum = torch.stft(
            block, N_FFT, HOP_LENGTH, window=window, center=False, return_complex=True
        )
        mels = filters @ spectrum.abs() ** 2
        array[:, start:end] = mels.clamp(min=_MIN_POWER).log10().numpy()
    np.maximum(array, array.max() - _RANGE, out=array)
    array += _SHIFT
    array /= _SHIFT
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
