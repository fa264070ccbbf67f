"""Settings of the views, their presets, and checks whether they suit a recording."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lab.core.settings import Settings, setting

Window = Literal["hann", "hamming", "blackman", "bartlett", "boxcar"]


@dataclass(frozen=True)
class Resolution:
    """Resolution of a spectrogram in time and frequency.

    window_ms: length of a window
    hop_ms: time between two frames
    bin_hz: spacing of the frequency bins, always 1 / window length
    """

    window_ms: float
    hop_ms: float
    bin_hz: float


@dataclass(frozen=True)
class FeatureSettings(Settings):
    """How features are computed from a waveform; names and defaults follow librosa."""

    n_fft: int = setting(
        1024, "Longer windows resolve frequencies better and time worse.", low=32, high=16_384
    )
    hop_length: int = setting(
        320, "Samples between the starts of consecutive windows.", low=1, high=16_384
    )
    window: Window = setting("hann", "Window function; boxcar does not fade in and out.")
    n_mels: int = setting(64, "Number of mel bins.", low=1, high=512)
    fmin: float = setting(0.0, "Lowest frequency of the mel bins.", low=0.0)
    fmax: float | None = setting(
        None, "Highest frequency of the mel bins; empty is half the sample rate.", low=1.0
    )
    mel_scale: Literal["slaney", "htk"] = setting(
        "slaney", "Slaney is linear up to 1 kHz; HTK uses one formula for all frequencies."
    )
    mel_norm: Literal["slaney", "none"] = setting(
        "slaney", "Slaney gives all filters the same area, none the same height of 1."
    )
    n_mfcc: int = setting(13, "Number of cepstral coefficients.", low=1, high=512)
    top_db: float = setting(
        80.0, "Values further below the maximum are clipped.", low=10.0, high=200.0
    )
    silence_db: float = setting(
        40.0, "Silence is this much quieter than the loudest moment.", low=5.0, high=120.0
    )
    whisper_mels: Literal[80, 128] = setting(
        80, "128 for large-v3 and turbo, 80 for all other models."
    )

    def highest_hz(self, sample_rate: int) -> float:
        """Return the highest frequency of the mel bins: fmax, or half the sample rate."""
        return sample_rate / 2 if self.fmax is None else self.fmax

    def mel_edges(self, sample_rate: int, n_mels: int) -> NDArray[np.float64]:
        """Return the edges of `n_mels` overlapping filters in Hz: each ends two edges further."""
        import librosa

        fmax, is_htk = self.highest_hz(sample_rate), self.mel_scale == "htk"
        edges: NDArray[np.float64] = librosa.mel_frequencies(
            n_mels + 2, fmin=self.fmin, fmax=fmax, htk=is_htk
        )
        return edges

    def resolution(self, sample_rate: int) -> Resolution:
        """Return the resolution at a sample rate (Hz)."""
        return Resolution(
            window_ms=1000 * self.n_fft / sample_rate,
            hop_ms=1000 * self.hop_length / sample_rate,
            bin_hz=sample_rate / self.n_fft,
        )


SOURCE_LAB = FeatureSettings()
"""Hann windows of 1024 samples with a hop of 320, and 64 mel bins up to half the sample rate."""

WHISPER = FeatureSettings(n_fft=400, hop_length=160, n_mels=80)
"""Windows of 25 ms with a hop of 10 ms at 16 kHz, and 80 mel bins, as in `whisper.audio`."""

PRESETS = {"source-lab": SOURCE_LAB, "whisper": WHISPER}

ALL_FIELDS = frozenset(FeatureSettings.schema())


@dataclass(frozen=True)
class SettingProblem:
    """A setting that does not suit the recording.

    field: name of the setting in `FeatureSettings`
    sentence: explanation for the person
    nearest: valid value closest to the chosen one
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
) -> list[SettingProblem]:
    """Return problems of `settings` with a recording, at most one per setting.

    Choosing all nearest values may reveal other problems, such as too many mel bins for a shorter
    window, but after a few rounds none remain.

    sample_rate: Hz
    n_samples: length of the recording, at least 32
    controls: names of the settings to check, such as `View.controls`
    """
    framing = _framing_problems(settings, sample_rate, n_samples)
    found = chain(framing, _mel_problems(settings, sample_rate))
    return [problem for problem in found if problem.field in controls]


def _framing_problems(
    settings: FeatureSettings, sample_rate: int, n_samples: int
) -> Iterator[SettingProblem]:
    n_fft, hop_length = settings.n_fft, settings.hop_length
    if n_fft > n_samples:
        nearest = 2 ** math.floor(math.log2(n_samples))
        yield SettingProblem(
            "n_fft",
            f"The window of {n_fft} samples ({1000 * n_fft / sample_rate:.3g} ms) is longer "
            f"than the recording ({n_samples} samples). Choose {nearest}.",
            nearest,
        )
    if hop_length > n_fft:
        yield SettingProblem(
            "hop_length",
            f"The hop of {hop_length} samples is longer than the window of {n_fft} samples, so "
            f"parts of the recording would be skipped. Choose at most {n_fft}.",
            n_fft,
        )


def _mel_problems(settings: FeatureSettings, sample_rate: int) -> Iterator[SettingProblem]:
    half_rate, bin_hz = sample_rate / 2, sample_rate / settings.n_fft
    fmin, fmax, n_mels = settings.fmin, settings.highest_hz(sample_rate), settings.n_mels
    if fmax > half_rate:
        yield SettingProblem(
            "fmax",
            f"The highest frequency is {fmax:g} Hz, but a sample rate of {sample_rate} Hz "
            f"contains nothing above {half_rate:g} Hz. Choose at most {half_rate:g}.",
            half_rate,
        )
        return
    # Any range as wide as two bins contains a bin.
    if fmax - fmin < 2 * bin_hz:
        if fmax >= 2 * bin_hz:
            field, nearest = "fmin", float(math.floor(fmax - 2 * bin_hz))
        else:
            field, nearest = "fmax", float(math.ceil(2 * bin_hz))
        yield SettingProblem(
            field,
            f"The range from {fmin:g} to {fmax:g} Hz is too narrow for a mel filter, since "
            f"frequency bins are {bin_hz:.3g} Hz apart. Choose {nearest:g} for {field}.",
            nearest,
        )
        return
    if empty := _n_empty_filters(settings, n_mels, sample_rate):
        fewer = next(
            n for n in range(n_mels - 1, 0, -1) if not _n_empty_filters(settings, n, sample_rate)
        )
        yield SettingProblem(
            "n_mels",
            f"{empty} of {n_mels} mel filters are too narrow to contain a frequency bin (bins "
            f"are {bin_hz:.3g} Hz apart). Choose at most {fewer} mel bins or a longer window.",
            fewer,
        )
    if settings.n_mfcc > n_mels:
        yield SettingProblem(
            "n_mfcc",
            f"{n_mels} mel bins give at most {n_mels} cepstral coefficients, not "
            f"{settings.n_mfcc}. Choose {n_mels} or fewer.",
            n_mels,
        )


def _n_empty_filters(settings: FeatureSettings, n_mels: int, sample_rate: int) -> int:
    """Count filters without a frequency bin, as `librosa.filters.mel` would create them."""
    import librosa

    edges = settings.mel_edges(sample_rate, n_mels)
    bins = librosa.fft_frequencies(sr=sample_rate, n_fft=settings.n_fft)
    first_inside = np.searchsorted(bins, edges[:-2], side="right")
    first_beyond = np.searchsorted(bins, edges[2:], side="left")
    return int(np.count_nonzero(first_beyond <= first_inside))
