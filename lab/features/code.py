"""Python code for a notebook that computes the array of a view."""

from lab.audio import SAMPLE_RATE
from lab.core.errors import check_choice
from lab.features.settings import FeatureSettings
from lab.features.tracks import PITCH_RANGE_HZ, pitch_frame_length

_IMPORT = "import librosa\n"
_IMPORT_NUMPY = _IMPORT + "import numpy as np\n"
_LOAD = "\ny, sr = librosa.load({path!r}, sr={sample_rate})\n"
_STFT = "np.abs(librosa.stft(y, {framing})) ** 2\n"
_MEL = "librosa.feature.melspectrogram(\n    y=y, sr=sr, {framing},\n    {bank},\n)\n"
_DECIBELS = "array = librosa.power_to_db({power}, ref=np.max, top_db={{top_db}})\n"
# Templates for `python_code`, by view.
_SCRIPTS = {
    "waveform": _IMPORT + _LOAD + "array = y\n"
    "_, (start, end) = librosa.effects.trim(y, top_db={silence_db})\n",
    "power": _IMPORT_NUMPY + _LOAD + "array = " + _STFT,
    "power_db": _IMPORT_NUMPY + _LOAD + "power = " + _STFT + _DECIBELS.format(power="power"),
    "mel": _IMPORT + _LOAD + "array = " + _MEL,
    "log_mel": _IMPORT_NUMPY + _LOAD + "mel = " + _MEL + _DECIBELS.format(power="mel"),
    "whisper": _IMPORT + "from whisper import log_mel_spectrogram\n"
    f"\ny, sr = librosa.load({{path!r}}, sr={SAMPLE_RATE})\n"
    "array = log_mel_spectrogram(y, n_mels={whisper_mels}).numpy()\n",
    "mel_filters": _IMPORT + "\narray = librosa.filters.mel(\n"
    "    sr={sample_rate}, n_fft={n_fft}, {bank},\n)\n",
    # Not `mfcc(y=y, norm=…)`, whose norm is that of the cosine transform.
    "mfcc": _IMPORT + _LOAD + "mel = " + _MEL
    + "array = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc={n_mfcc})\n",
    "energy": _IMPORT + _LOAD
    + "array = librosa.feature.rms(y=y, frame_length={n_fft}, hop_length={hop_length})[0]\n",
    "pitch": _IMPORT_NUMPY + _LOAD
    + "frames = {{'frame_length': {pitch_frame_length}, 'hop_length': {hop_length}}}\n"
    f"array = librosa.yin(y, fmin={PITCH_RANGE_HZ[0]}, fmax={PITCH_RANGE_HZ[1]}, sr=sr, **frames)\n"
    "level = librosa.feature.rms(y=y, **frames)[0]\n"
    "array[level <= level.max() * 10 ** (-{silence_db} / 20)] = np.nan\n",
    "spectrum": _IMPORT_NUMPY + _LOAD + "power = " + _STFT
    + _DECIBELS.format(power="power.mean(axis=1)"),
}  # fmt: skip


def python_code(
    view: str, settings: FeatureSettings, *, sample_rate: int, path: str = "recording.wav"
) -> str:
    """Return a script that reads the audio file `path` and computes the `array` of a view.

    view: key of `VIEWS`
    sample_rate: Hz, at which the recording is shown

    Raises OptionsError for a view that does not exist.
    """
    check_choice("view", view, _SCRIPTS)
    norm = "slaney" if settings.mel_norm == "slaney" else None
    values = vars(settings) | {
        "path": path,
        "sample_rate": sample_rate,
        "pitch_frame_length": pitch_frame_length(sample_rate),
        "framing": f"n_fft={settings.n_fft}, hop_length={settings.hop_length}, "
        f"window={settings.window!r}",
        "bank": f"n_mels={settings.n_mels}, fmin={settings.fmin}, fmax={settings.fmax},\n"
        f"    htk={settings.mel_scale == 'htk'}, norm={norm!r}",
    }
    return _SCRIPTS[view].format_map(values)
