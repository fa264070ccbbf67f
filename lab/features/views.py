"""What can be seen of a recording: every view with its explanation, formula and controls."""

from collections.abc import Callable
from dataclasses import dataclass

from lab.audio import Waveform
from lab.core.errors import AudioError, OptionsError
from lab.features import spectra, tracks
from lab.features.feature import Feature
from lab.features.settings import FeatureSettings, Problem, problems
from lab.features.whisper_mel import whisper_log_mel

# The shortest window that can be chosen: 2 ms at 16 kHz, in which there is nothing to see.
MIN_SAMPLES = 32

_FRAMING = ("n_fft", "hop_length")
_STFT = (*_FRAMING, "window")
_BANK = ("n_mels", "fmin", "fmax", "mel_scale", "mel_norm")


@dataclass(frozen=True)
class View:
    """One way to look at a recording.

    explanation: two sentences for somebody who never saw one
    formula: LaTeX, with y the samples, H the hop, N the window's length, w the window, M the mel
        filters
    controls: the fields of `FeatureSettings` that change it
    function: computes it, with settings that were checked (`compute` does both)
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
        "The air pressure at the microphone, thousands of times a second. It shows when somebody "
        "speaks and how loudly, but hardly what is said.",
        r"y[n]",
        ("silence_db",),
        tracks.waveform,
    ),
    View(
        "power",
        "Power spectrogram",
        "The recording is cut into short windows, and each is split into the frequencies that it "
        "is made of. Power differs so much between loud and soft that only the loudest spots show.",
        r"P[k, t] = \left| \sum_{n=0}^{N-1} w[n]\, y[tH + n - N/2]\, e^{-2\pi i k n / N} "
        r"\right|^2",
        _STFT,
        spectra.power,
    ),
    View(
        "power_db",
        "Power spectrogram in dB",
        "The same in decibels, in which ten times the power is always the same step, much as ears "
        "hear it. The loudest spot is 0 dB, and the harmonics of a voice appear as stripes.",
        r"L[k, t] = 10 \log_{10} \frac{P[k, t]}{\max P}",
        (*_STFT, "top_db"),
        spectra.power_db,
    ),
    View(
        "mel",
        "Mel spectrogram",
        "Frequencies are gathered into bins that are narrow below 1 kHz and wider above, because "
        "ears tell low tones apart better than high ones. It is much smaller than the spectrogram "
        "and keeps what matters of speech.",
        r"S[m, t] = \sum_k M[m, k]\, P[k, t]",
        (*_STFT, *_BANK),
        spectra.mel,
    ),
    View(
        "log_mel",
        "Log-mel spectrogram",
        "The mel spectrogram in decibels, with the loudest spot at 0 dB. Nearly every model of "
        "speech starts from a picture like this one.",
        r"L[m, t] = 10 \log_{10} \frac{S[m, t]}{\max S}",
        (*_STFT, *_BANK, "top_db"),
        spectra.log_mel,
    ),
    View(
        "whisper",
        "What Whisper hears",
        "The log-mel spectrogram exactly as it enters Whisper's encoder: windows of 25 ms every "
        "10 ms, 80 mel bins (128 for large-v3 and turbo). Everything more than 80 dB below the "
        "loudest spot is made equal, and the numbers are scaled to lie around zero.",
        r"X[m, t] = \tfrac14 \left( 4 + \max\left( \log_{10} S[m, t],\ "
        r"\max \log_{10} S - 8 \right) \right)",
        ("whisper_mels",),
        whisper_log_mel,
    ),
    View(
        "mel_filters",
        "Mel filter bank",
        "The triangles that gather frequency bins into mel bins; they are the same for every "
        "recording. Filters without any bin inside hear nothing, which happens when there are too "
        "many of them for the window's length.",
        r"\mathrm{mel}_\mathrm{HTK}(f) = 2595 \log_{10}(1 + f / 700), \quad "
        r"\mathrm{mel}_\mathrm{Slaney}(f) = \begin{cases} 3f / 200 & f < 1000 \\ "
        r"15 + 27 \log_{6.4}(f / 1000) & f \ge 1000 \end{cases}",
        ("n_fft", *_BANK),
        spectra.mel_bank,
    ),
    View(
        "mfcc",
        "MFCC",
        "The shape of each column of the log-mel spectrogram in a few numbers: its overall level, "
        "its tilt, and ever finer ripples. Recognisers worked on these before neural networks "
        "learned from the spectrogram itself.",
        r"c[q, t] = \sqrt{\tfrac{2 - \delta_{q0}}{n}} \sum_{m=0}^{n-1} 10 \log_{10} S[m, t] "
        r"\cos\left( \tfrac{\pi q}{n} \left( m + \tfrac12 \right) \right)",
        (*_STFT, *_BANK, "n_mfcc"),
        spectra.mfcc,
    ),
    View(
        "energy",
        "Energy",
        "How strong the sound is in each window: the root of the mean square of its samples. "
        "Pauses between words are its valleys.",
        r"E[t] = \sqrt{\frac1N \sum_{n=0}^{N-1} y[tH + n - N/2]^2}",
        _FRAMING,
        tracks.energy,
    ),
    View(
        "pitch",
        "Pitch",
        "How high the voice is: the rate at which the wave repeats itself, found by YIN between "
        "65 and 500 Hz. Silence is left blank, and in sounds without a tone, such as s and f, the "
        "line jumps about.",
        r"f_0[t] = \frac{f_s}{\hat\tau}, \quad d'(\tau) = \frac{\tau\, d(\tau)}"
        r"{\sum_{j=1}^{\tau} d(j)}, \quad d(\tau) = \sum_n (y[n] - y[n + \tau])^2",
        ("hop_length", "silence_db"),
        tracks.pitch,
    ),
    View(
        "spectrum",
        "Long-term spectrum",
        "The mean power of each frequency over the whole recording, the strongest at 0 dB. It "
        "shows the microphone and the room: hum at 50 or 60 Hz, or a telephone that ends at "
        "3.4 kHz.",
        r"\bar L[k] = 10 \log_{10} \frac{\bar P[k]}{\max \bar P}, \quad "
        r"\bar P[k] = \frac1T \sum_t P[k, t]",
        (*_STFT, "top_db"),
        spectra.long_term,
    ),
)

VIEWS = {view.key: view for view in _ALL}


def view_problems(key: str, waveform: Waveform, settings: FeatureSettings) -> list[Problem]:
    """What is wrong with the settings that matter for a view of this recording.

    Raises OptionsError for a view that does not exist, AudioError for less than 32 samples.
    """
    n_samples = len(waveform.samples)
    if n_samples < MIN_SAMPLES:
        raise AudioError(
            f"The recording has {n_samples} samples, at least {MIN_SAMPLES} are needed to see "
            "anything. Bring a longer one."
        )
    return problems(
        settings,
        sample_rate=waveform.sample_rate,
        n_samples=n_samples,
        controls=find_view(key).controls,
    )


def compute(key: str, waveform: Waveform, settings: FeatureSettings) -> Feature:
    """What a view shows of a recording.

    Raises OptionsError naming all that is wrong with the settings, or where the array would be
    too large; AudioError where the recording is too short.
    """
    if found := view_problems(key, waveform, settings):
        raise OptionsError(" ".join(problem.sentence for problem in found))
    return find_view(key).function(waveform, settings)


def find_view(key: str) -> View:
    """The view called `key`; raises OptionsError if there is none."""
    if key not in VIEWS:
        raise OptionsError(f'There is no view "{key}". Choose {", ".join(VIEWS)}.')
    return VIEWS[key]
