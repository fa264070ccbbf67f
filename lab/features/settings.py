"""The settings of every view, their presets, and what is wrong with them for one recording."""

import math
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Literal

from lab.core.settings import Settings, setting

Window = Literal["hann", "hamming", "blackman", "bartlett", "boxcar"]


@dataclass(frozen=True)
class Resolution:
    """What can be told apart.

    window_ms: how much sound a frame sees
    hop_ms: from a frame to the next
    bin_hz: from a frequency bin to the next; times the window's length it is always 1
    """

    window_ms: float
    hop_ms: float
    bin_hz: float


@dataclass(frozen=True)
class FeatureSettings(Settings):
    """How features are computed from a waveform; names and defaults follow librosa."""

    n_fft: int = setting(
        1024,
        "Window length in samples, also of the Fourier transform. Longer windows resolve "
        "frequencies better and time worse.",
        low=32,
        high=16_384,
    )
    hop_length: int = setting(
        320, "Samples between the centres of consecutive windows.", low=1, high=16_384
    )
    window: Window = setting(
        "hann", "Window function that fades each window in and out; boxcar does not fade."
    )
    n_mels: int = setting(64, "Number of mel bins.", low=1, high=512)
    fmin: float = setting(0.0, "Lowest frequency of the mel bins, in Hz.", low=0.0)
    fmax: float | None = setting(
        None, "Highest frequency of the mel bins, in Hz; empty is half the sample rate.", low=1.0
    )
    mel_scale: Literal["slaney", "htk"] = setting(
        "slaney", "Slaney is linear up to 1 kHz; HTK uses one formula for all frequencies."
    )
    mel_norm: Literal["slaney", "none"] = setting(
        "slaney", "Slaney gives all filters the same area, none the same height of 1."
    )
    n_mfcc: int = setting(13, "Number of cepstral coefficients.", low=1, high=512)
    top_db: float = setting(
        80.0,
        "Dynamic range in dB: anything quieter, relative to the maximum, is shown as this much "
        "quieter.",
        low=10.0,
        high=200.0,
    )
    silence_db: float = setting(
        40.0,
        "Silence is quieter than the loudest moment by more than this, in dB; there, no pitch is "
        "estimated.",
        low=5.0,
        high=120.0,
    )
    whisper_mels: Literal[80, 128] = setting(
        80, "Mel bins of Whisper's input: 128 for large-v3 and turbo, 80 for all other models."
    )

    def highest_hz(self, sample_rate: int) -> float:
        """Where the mel bins end: fmax, or half of `sample_rate`."""
        return sample_rate / 2 if self.fmax is None else self.fmax

    def resolution(self, sample_rate: int) -> Resolution:
        """What these settings tell apart in a recording with `sample_rate` (Hz)."""
        return Resolution(
            window_ms=1000 * self.n_fft / sample_rate,
            hop_ms=1000 * self.hop_length / sample_rate,
            bin_hz=sample_rate / self.n_fft,
        )


SOURCE_LAB = FeatureSettings()
"""Windows of 1024 samples every 320, Hann, 64 mel bins from 0 Hz to half the sample rate."""

WHISPER = FeatureSettings(n_fft=400, hop_length=160, n_mels=80)
"""Windows of 25 ms every 10 ms and 80 mel bins at 16 kHz, as in `whisper.audio`."""

PRESETS = {"source-lab": SOURCE_LAB, "whisper": WHISPER}

ALL_FIELDS = frozenset(one.name for one in fields(FeatureSettings))


@dataclass(frozen=True)
class Problem:
    """A setting that does not suit the recording.

    field: the name of the setting in `FeatureSettings`
    sentence: what is wrong, for the person
    nearest: the value closest to the one that was chosen that would do
    """

    field: str
    sentence: str
    nearest: int | float


def problems(
    settings: FeatureSettings,
    *,
    sample_rate: int,
    n_samples: int,
    controls: Collection[str] = ALL_FIELDS,
) -> list[Problem]:
    """What is wrong with `settings` for a recording; each setting has one problem at most.

    Once all the nearest values are taken, another problem may show: too many mel bins for the
    shorter window, say. Taking them a few times over always ends with none.

    sample_rate: Hz
    n_samples: of the recording, at least 32
    controls: the settings that matter, such as `View.controls`
    """
    found = [
        *_framing_problems(settings, sample_rate, n_samples),
        *_mel_problems(settings, sample_rate),
    ]
    return [problem for problem in found if problem.field in controls]


def _framing_problems(settings: FeatureSettings, sample_rate: int, n_samples: int) -> list[Problem]:
    found = []
    n_fft, hop_length = settings.n_fft, settings.hop_length
    if n_fft > n_samples:
        nearest = 2 ** math.floor(math.log2(n_samples))
        found.append(
            Problem(
                "n_fft",
                f"The window of {n_fft} samples ({1000 * n_fft / sample_rate:.3g} ms) is longer "
                f"than the recording ({n_samples} samples). Choose {nearest}.",
                nearest,
            )
        )
    if hop_length > n_fft:
        found.append(
            Problem(
                "hop_length",
                f"Between two windows of {n_fft} samples lie {hop_length}, so that some of the "
                f"sound is never seen. Choose at most {n_fft}.",
                n_fft,
            )
        )
    return found


def _mel_problems(settings: FeatureSettings, sample_rate: int) -> list[Problem]:
    half_rate, bin_hz = sample_rate / 2, sample_rate / settings.n_fft
    fmin, fmax, n_mels = settings.fmin, settings.highest_hz(sample_rate), settings.n_mels
    if fmax > half_rate:
        return [
            Problem(
                "fmax",
                f"The highest frequency is {fmax:g} Hz, but {sample_rate} samples a second hold "
                f"nothing above {half_rate:g} Hz. Choose at most {half_rate:g}.",
                half_rate,
            )
        ]
    # Wherever it lies, a range of two bins has one inside.
    if fmax - fmin < 2 * bin_hz:
        if fmax >= 2 * bin_hz:
            field, nearest = "fmin", float(math.floor(fmax - 2 * bin_hz))
        else:
            field, nearest = "fmax", float(math.ceil(2 * bin_hz))
        return [
            Problem(
                field,
                f"From {fmin:g} to {fmax:g} Hz there is no room for a mel filter: the frequency "
                f"bins are {bin_hz:.3g} Hz apart. Choose {nearest:g} for {field}.",
                nearest,
            )
        ]
    found = []
    if empty := _n_empty_filters(settings, n_mels, sample_rate):
        fewer = next(
            n for n in range(n_mels - 1, 0, -1) if not _n_empty_filters(settings, n, sample_rate)
        )
        found.append(
            Problem(
                "n_mels",
                f"{empty} of {n_mels} mel filters are so narrow that no frequency bin falls into "
                f"them (the bins are {bin_hz:.3g} Hz apart). Choose at most {fewer} mel bins, or "
                "a longer window.",
                fewer,
            )
        )
    if settings.n_mfcc > n_mels:
        found.append(
            Problem(
                "n_mfcc",
                f"From {n_mels} mel bins come at most {n_mels} cepstral coefficients, not "
                f"{settings.n_mfcc}. Choose {n_mels} or fewer.",
                n_mels,
            )
        )
    return found


def _n_empty_filters(settings: FeatureSettings, n_mels: int, sample_rate: int) -> int:
    """How many of `n_mels` filters would have no bin between their ends, as `filters.mel` does."""
    import librosa
    import numpy as np

    edges = librosa.mel_frequencies(
        n_mels + 2,
        fmin=settings.fmin,
        fmax=settings.highest_hz(sample_rate),
        htk=settings.mel_scale == "htk",
    )
    bins = librosa.fft_frequencies(sr=sample_rate, n_fft=settings.n_fft)
    first_inside = np.searchsorted(bins, edges[:-2], side="right")
    first_beyond = np.searchsorted(bins, edges[2:], side="left")
    return int(np.count_nonzero(first_beyond <= first_inside))
