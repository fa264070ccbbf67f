"""The views of a recording, with explanation, formula and controls."""

from collections.abc import Callable
from dataclasses import dataclass

from lab.audio import Waveform
from lab.core.errors import AudioError, OptionsError, check_choice
from lab.features import spectra, tracks
from lab.features.feature import Feature
from lab.features.settings import FeatureSettings, SettingProblem, problems

# The shortest window: 2 ms at 16 kHz, in which there is nothing to see.
MIN_SAMPLES = 32

_FRAMING = ("n_fft", "hop_length")
_STFT = (*_FRAMING, "window")
_BANK = ("n_mels", "fmin", "fmax", "mel_scale", "mel_norm")


@dataclass(frozen=True)
class View:
    """A feature to display.

    explanation: two sentences for beginners
    formula: LaTeX, with samples y, hop length H, window w of length N, and mel filters M
    controls: fields of `FeatureSettings` that affect the view
    function: computes the feature from valid settings; use `compute`, which validates them
    """

    key: str
    title: str
    explanation: str
    formula: str
    controls: tuple[str, ...]
    function: Callable[[Waveform, FeatureSettings], Feature]


_ALL = (
    View(
        "waveform",
        "Waveform",
        "The air pressure at the microphone, measured thousands of times per second. It shows when "
        "somebody speaks and how loudly, but little about what is said.",
        r"y[n]",
        ("silence_db",),
        tracks.waveform,
    ),
    View(
        "power",
        "Power spectrogram",
        "The recording is divided into short windows, and each of them into its frequencies. Power "
        "differs so much between loud and soft sounds that only the loudest are visible.",
        r"P[k, t] = \left| \sum_{n=0}^{N-1} w[n]\, y[tH + n - N/2]\, e^{-2\pi i k n / N} "
        r"\right|^2",
        _STFT,
        spectra.power,
    ),
    View(
        "power_db",
        "Power spectrogram in dB",
        "The power spectrogram in decibels, a logarithmic scale that is close to hearing. The "
        "maximum is 0 dB, and the harmonics of a voice appear as stripes.",
        r"L[k, t] = 10 \log_{10} \frac{P[k, t]}{\max P}",
        (*_STFT, "top_db"),
        spectra.power_db,
    ),
    View(
        "mel",
        "Mel spectrogram",
        "Frequencies are grouped into bins that are narrow below 1 kHz and wider above, because "
        "ears distinguish low tones better than high ones. It is much smaller than the spectrogram "
        "and keeps what matters in speech.",
        r"S[m, t] = \sum_k M[m, k]\, P[k, t]",
        (*_STFT, *_BANK),
        spectra.mel,
    ),
    View(
        "log_mel",
        "Log-mel spectrogram",
        "The mel spectrogram in decibels, with the maximum at 0 dB. Nearly every speech model uses "
        "an input like this one.",
        r"L[m, t] = 10 \log_{10} \frac{S[m, t]}{\max S}",
        (*_STFT, *_BANK, "top_db"),
        spectra.log_mel,
    ),
    View(
        "whisper",
        "What Whisper hears",
        "The log-mel spectrogram exactly as it enters Whisper's encoder: windows of 25 ms every "
        "10 ms and 80 mel bins (128 for large-v3 and turbo). Values more than 80 dB below the "
        "maximum are clipped, and the result is scaled to a range around zero.",
        r"X[m, t] = \tfrac14 \left( 4 + \max\left( \log_{10} S[m, t],\ "
        r"\max \log_{10} S - 8 \right) \right)",
        ("whisper_mels",),
        spectra.whisper_log_mel,
    ),
    View(
        "mel_filters",
        "Mel filter bank",
        "The triangular filters that group frequency bins into mel bins; they are the same for "
        "every recording. With too many filters for the window length, some contain no frequency "
        "bin and their output is zero.",
        r"\mathrm{mel}_\mathrm{HTK}(f) = 2595 \log_{10}(1 + f / 700), \quad "
        r"\mathrm{mel}_\mathrm{Slaney}(f) = \begin{cases} 3f / 200 & f < 1000 \\ "
        r"15 + 27 \log_{6.4}(f / 1000) & f \ge 1000 \end{cases}",
        ("n_fft", *_BANK),
        spectra.mel_bank,
    ),
    View(
        "mfcc",
        "MFCC",
        "Mel-frequency cepstral coefficients describe the shape of each column of the log-mel "
        "spectrogram: its level, its tilt, and ever finer ripples. Speech recognition used them "
        "before neural networks learned from the spectrogram itself.",
        r"c[q, t] = \sqrt{\tfrac{2 - \delta_{q0}}{n}} \sum_{m=0}^{n-1} 10 \log_{10} S[m, t] "
        r"\cos\left( \tfrac{\pi q}{n} \left( m + \tfrac12 \right) \right)",
        (*_STFT, *_BANK, "n_mfcc"),
        spectra.mfcc,
    ),
    View(
        "energy",
        "Energy",
        "How loud each window is: the root mean square of its samples. Pauses between words are "
        "its valleys.",
        r"E[t] = \sqrt{\frac1N \sum_{n=0}^{N-1} y[tH + n - N/2]^2}",
        _FRAMING,
        tracks.energy,
    ),
    View(
        "pitch",
        "Pitch",
        "How high the voice is: its fundamental frequency, estimated by YIN between 65 and 500 Hz. "
        "Silence is left blank, and in unvoiced sounds, such as s and f, the line jumps about.",
        r"f_0[t] = \frac{f_s}{\hat\tau}, \quad d'(\tau) = \frac{\tau\, d(\tau)}"
        r"{\sum_{j=1}^{\tau} d(j)}, \quad d(\tau) = \sum_n (y[n] - y[n + \tau])^2",
        ("hop_length", "silence_db"),
        tracks.pitch,
    ),
    View(
        "spectrum",
        "Long-term spectrum",
        "The mean power of each frequency over the whole recording, with the maximum at 0 dB. It "
        "characterises the microphone and the room: hum at 50 or 60 Hz, or a telephone line that "
        "ends at 3.4 kHz.",
        r"\bar L[k] = 10 \log_{10} \frac{\bar P[k]}{\max \bar P}, \quad "
        r"\bar P[k] = \frac1T \sum_t P[k, t]",
        (*_STFT, "top_db"),
        spectra.long_term,
    ),
)

VIEWS = {view.key: view for view in _ALL}


def view_problems(key: str, waveform: Waveform, settings: FeatureSettings) -> list[SettingProblem]:
    """Return problems of the settings that affect a view with this recording.

    Raises OptionsError for an unknown view, AudioError for fewer than 32 samples.
    """
    n_samples = len(waveform.samples)
    if n_samples < MIN_SAMPLES:
        raise AudioError(
            f"The recording has {n_samples} samples, but views need at least {MIN_SAMPLES}. Choose "
            "a longer one."
        )
    return problems(
        settings,
        sample_rate=waveform.sample_rate,
        n_samples=n_samples,
        controls=find_view(key).controls,
    )


def compute(key: str, waveform: Waveform, settings: FeatureSettings) -> Feature:
    """Compute the feature of a view.

    Raises OptionsError if settings do not suit the recording, naming all problems, or if the array
    would be too large; AudioError if the recording is too short.
    """
    if found := view_problems(key, waveform, settings):
        raise OptionsError(" ".join(problem.sentence for problem in found))
    return find_view(key).function(waveform, settings)


def find_view(key: str) -> View:
    """Return the view with this key; raises OptionsError if there is none."""
    check_choice("view", key, VIEWS)
    return VIEWS[key]
