"""Python code for a notebook that computes the array of a view."""

from collections.abc import Callable

from lab.audio import SAMPLE_RATE
from lab.core.errors import OptionsError
from lab.features.settings import FeatureSettings
from lab.features.tracks import PITCH_RANGE_HZ, pitch_frame_length


def python_code(
    view: str, settings: FeatureSettings, *, sample_rate: int, path: str = "recording.wav"
) -> str:
    """Return a script that reads the audio file `path` and computes the `array` of a view.

    view: key of `VIEWS`
    sample_rate: Hz, at which the recording is shown

    Raises OptionsError for a view that does not exist.
    """
    if view not in _SCRIPTS:
        raise OptionsError(f"There is no view “{view}”. Choose {', '.join(_SCRIPTS)}.")
    return _SCRIPTS[view](settings, sample_rate, path)


def _load(path: str, sample_rate: int, *imports: str) -> str:
    lines = "\n".join(("import librosa", *imports))
    return f"{lines}\n\ny, sr = librosa.load({path!r}, sr={sample_rate})\n"


def _load_with_numpy(path: str, sample_rate: int) -> str:
    return _load(path, sample_rate, "import numpy as np")


def _framing(settings: FeatureSettings) -> str:
    return f"n_fft={settings.n_fft}, hop_length={settings.hop_length}, window={settings.window!r}"


def _mel_bank(settings: FeatureSettings) -> str:
    norm = "slaney" if settings.mel_norm == "slaney" else None
    return (
        f"n_mels={settings.n_mels}, fmin={settings.fmin}, fmax={settings.fmax},\n"
        f"    htk={settings.mel_scale == 'htk'}, norm={norm!r},"
    )


def _power_lines(name: str, settings: FeatureSettings) -> str:
    return f"{name} = np.abs(librosa.stft(y, {_framing(settings)})) ** 2\n"


def _mel_lines(name: str, settings: FeatureSettings) -> str:
    return (
        f"{name} = librosa.feature.melspectrogram(\n"
        f"    y=y, sr=sr, {_framing(settings)},\n"
        f"    {_mel_bank(settings)}\n"
        ")\n"
    )


def _decibel_lines(argument: str, settings: FeatureSettings) -> str:
    return f"array = librosa.power_to_db({argument}, ref=np.max, top_db={settings.top_db})\n"


def _waveform(settings: FeatureSettings, sample_rate: int, path: str) -> str:
    return (
        _load(path, sample_rate) + "array = y\n"
        f"_, (start, end) = librosa.effects.trim(y, top_db={settings.silence_db})\n"
    )


def _power(settings: FeatureSettings, sample_rate: int, path: str) -> str:
    return _load_with_numpy(path, sample_rate) + _power_lines("array", settings)


def _power_db(settings: FeatureSettings, sample_rate: int, path: str) -> str:
    return (
        _load_with_numpy(path, sample_rate)
        + _power_lines("power", settings)
        + _decibel_lines("power", settings)
    )


def _mel(settings: FeatureSettings, sample_rate: int, path: str) -> str:
    return _load(path, sample_rate) + _mel_lines("array", settings)


def _log_mel(settings: FeatureSettings, sample_rate: int, path: str) -> str:
    return (
        _load_with_numpy(path, sample_rate)
        + _mel_lines("mel", settings)
        + _decibel_lines("mel", settings)
    )


def _whisper(settings: FeatureSettings, _sample_rate: int, path: str) -> str:
    return (
        _load(path, SAMPLE_RATE, "from whisper import log_mel_spectrogram")
        + f"array = log_mel_spectrogram(y, n_mels={settings.whisper_mels}).numpy()\n"
    )


def _mel_filters(settings: FeatureSettings, sample_rate: int, _path: str) -> str:
    return (
        "import librosa\n\n"
        "array = librosa.filters.mel(\n"
        f"    sr={sample_rate}, n_fft={settings.n_fft}, {_mel_bank(settings)}\n"
        ")\n"
    )


def _mfcc(settings: FeatureSettings, sample_rate: int, path: str) -> str:
    # Not `mfcc(y=y, norm=…)`, whose norm is that of the cosine transform.
    return (
        _load(path, sample_rate)
        + _mel_lines("mel", settings)
        + f"array = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc={settings.n_mfcc})\n"
    )


def _energy(settings: FeatureSettings, sample_rate: int, path: str) -> str:
    return (
        _load(path, sample_rate) + f"array = librosa.feature.rms(y=y, "
        f"frame_length={settings.n_fft}, hop_length={settings.hop_length})[0]\n"
    )


def _pitch(settings: FeatureSettings, sample_rate: int, path: str) -> str:
    framing = f"frame_length={pitch_frame_length(sample_rate)}, hop_length={settings.hop_length}"
    fmin, fmax = PITCH_RANGE_HZ
    return (
        _load_with_numpy(path, sample_rate)
        + f"array = librosa.yin(y, fmin={fmin}, fmax={fmax}, sr=sr, {framing})\n"
        + f"level = librosa.feature.rms(y=y, {framing})[0]\n"
        + f"array[level <= level.max() * 10 ** (-{settings.silence_db} / 20)] = np.nan\n"
    )


def _spectrum(settings: FeatureSettings, sample_rate: int, path: str) -> str:
    return (
        _load_with_numpy(path, sample_rate)
        + _power_lines("power", settings)
        + _decibel_lines("power.mean(axis=1)", settings)
    )


_SCRIPTS: dict[str, Callable[[FeatureSettings, int, str], str]] = {
    "waveform": _waveform,
    "power": _power,
    "power_db": _power_db,
    "mel": _mel,
    "log_mel": _log_mel,
    "whisper": _whisper,
    "mel_filters": _mel_filters,
    "mfcc": _mfcc,
    "energy": _energy,
    "pitch": _pitch,
    "spectrum": _spectrum,
}
