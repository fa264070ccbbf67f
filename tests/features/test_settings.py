"""Presets, invalid values, and values that do not suit a recording."""

import warnings
from dataclasses import replace

import librosa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lab.core.errors import OptionsError
from lab.features import SOURCE_LAB, WHISPER, FeatureSettings
from lab.features.settings import SettingProblem, problems

RATE = 16_000
MINUTE = 60 * RATE


def found(
    settings: FeatureSettings, *, rate: int = RATE, n: int = MINUTE
) -> dict[str, SettingProblem]:
    return {one.field: one for one in problems(settings, sample_rate=rate, n_samples=n)}


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100])
def test_the_source_lab_preset_suits_every_sample_rate(rate: int) -> None:
    assert found(SOURCE_LAB, rate=rate) == {}


def test_the_whisper_preset_suits_16_khz() -> None:
    assert found(WHISPER) == {}
    assert found(replace(WHISPER, n_mels=128)) == {}


def test_time_and_frequency_resolution_are_reciprocal() -> None:
    resolution = WHISPER.resolution(RATE)
    assert (resolution.window_ms, resolution.hop_ms, resolution.bin_hz) == (25, 10, 40)
    assert resolution.window_ms / 1000 * resolution.bin_hz == 1


def test_all_invalid_values_are_reported_at_once() -> None:
    with pytest.raises(OptionsError) as caught:
        FeatureSettings(n_fft=8, hop_length=0, window="gauss", n_mels=0)  # type: ignore[arg-type]
    for part in ("n_fft must be", "hop_length must be", "'gauss'", "n_mels must be"):
        assert part in str(caught.value)


def test_for_a_frequency_above_nyquist_nyquist_is_suggested() -> None:
    problem = found(FeatureSettings(fmax=11_025.0))["fmax"]
    assert problem.nearest == 8000
    assert "11025 Hz" in problem.sentence


def test_for_a_window_longer_than_the_recording_one_that_fits_is_suggested() -> None:
    assert found(SOURCE_LAB, n=1000)["n_fft"].nearest == 512


def test_for_a_hop_longer_than_the_window_the_window_length_is_suggested() -> None:
    assert found(FeatureSettings(n_fft=256, n_mels=20))["hop_length"].nearest == 256


def test_for_a_narrow_frequency_range_a_wider_one_is_suggested() -> None:
    assert found(FeatureSettings(fmin=4000.0, fmax=3000.0))["fmin"].nearest == 2968
    assert found(FeatureSettings(fmin=100.0, fmax=1.0))["fmax"].nearest == 32


@hypothesis_settings(deadline=None)  # librosa's first call compiles
@given(
    n_fft=st.sampled_from([64, 100, 256, 400, 512, 1024, 2048]),
    n_mels=st.integers(1, 256),
    fmin=st.floats(0, 3000),
    fmax=st.none() | st.floats(4000, 8000),
    mel_scale=st.sampled_from(["slaney", "htk"]),
)
def test_empty_mel_filters_are_those_of_librosa_and_the_most_possible_are_suggested(
    **values: object,
) -> None:
    settings = FeatureSettings(**values)  # type: ignore[arg-type]

    def has_empty(n_mels: int) -> bool:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            filters = librosa.filters.mel(
                sr=RATE,
                n_fft=settings.n_fft,
                n_mels=n_mels,
                fmin=settings.fmin,
                fmax=settings.fmax,
                htk=settings.mel_scale == "htk",
                norm=None,
            )
        return bool((filters.max(axis=1) == 0).any())

    problem = found(settings).get("n_mels")
    assert (problem is not None) == has_empty(settings.n_mels)
    if problem:
        nearest = int(problem.nearest)
        assert not has_empty(nearest)
        assert has_empty(nearest + 1)


@hypothesis_settings(deadline=None)  # librosa's first call compiles
@given(
    n_fft=st.integers(32, 16_384),
    hop_length=st.integers(1, 16_384),
    n_mels=st.integers(1, 512),
    n_mfcc=st.integers(1, 512),
    fmin=st.floats(0, 100_000),
    fmax=st.none() | st.floats(1, 100_000),
    mel_scale=st.sampled_from(["slaney", "htk"]),
    rate=st.sampled_from([4000, 16_000, 22_050, 48_000]),
    n=st.integers(32, 20_000),
)
def test_following_the_suggestions_resolves_all_problems(
    rate: int, n: int, **values: object
) -> None:
    settings = FeatureSettings(**values)  # type: ignore[arg-type]
    for _ in range(8):  # a window, both ends of the mel bins, their number, the coefficients
        offered = {name: one.nearest for name, one in found(settings, rate=rate, n=n).items()}
        settings = replace(settings, **offered)
    assert found(settings, rate=rate, n=n) == {}


def test_only_problems_of_the_given_controls_are_reported() -> None:
    wrong = FeatureSettings(n_fft=256, n_mels=200, fmax=9000.0)
    assert not problems(wrong, sample_rate=RATE, n_samples=MINUTE, controls=("n_fft",))
