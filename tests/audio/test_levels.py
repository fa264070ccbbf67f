"""Peak, loudness and clipping by their definitions, and a gain that never clips."""

import math

import numpy as np
import pytest
from pyloudnorm import Meter

from lab.audio.levels import clipped_samples, loudness_lufs, peak_dbfs
from lab.preprocess.pipeline import normalize_level
from lab.preprocess.recipe import Level


def sine(*, rate: int, seconds: float = 5.0, level: float = 1.0, hz: float = 997.0) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("level_db", [0.0, -23.0])
def test_the_reference_tone_of_bs_1770_has_the_specified_loudness(
    rate: int, level_db: float
) -> None:
    sound = sine(rate=rate, level=10 ** (level_db / 20))
    assert peak_dbfs(sound) == pytest.approx(level_db, abs=0.02)
    assert loudness_lufs(sound, sample_rate=rate) == pytest.approx(-3.01 + level_db, abs=0.05)


def test_two_channels_are_3_db_louder_than_one() -> None:
    sound = sine(rate=48_000)
    assert loudness_lufs(np.stack([sound, sound]), sample_rate=48_000) == pytest.approx(0, abs=0.05)


def test_pauses_do_not_make_a_recording_quieter() -> None:
    sound = sine(rate=16_000, seconds=20)
    with_pauses = np.concatenate([sound, np.zeros(40 * 16_000, np.float32), sound])
    loudness = loudness_lufs(with_pauses, sample_rate=16_000)
    assert loudness == pytest.approx(loudness_lufs(sound, sample_rate=16_000), abs=0.05)


@pytest.mark.parametrize("seconds", [0.4, 59.9, 60.0, 60.1, 60.3, 60.4, 150.3])
def test_measuring_in_pieces_gives_the_same_loudness(seconds: float) -> None:
    rate = 16_000
    envelope = np.interp(np.arange(round(seconds * rate)), [0, seconds * rate], [0.001, 0.05])
    # The offset makes the meter's high-pass ring at the start of each piece.
    noise = 0.5 + np.random.default_rng(0).normal(0, 1, len(envelope)) * envelope
    whole = Meter(rate, filter_class="DeMan").integrated_loudness(noise)
    pieces = loudness_lufs(noise.astype(np.float32), sample_rate=rate)
    assert pieces == pytest.approx(whole, abs=0.01)


def test_undefined_loudness_is_none() -> None:
    assert loudness_lufs(np.ones(100, np.float32), sample_rate=16_000) is None
    assert loudness_lufs(np.zeros(16_000, np.float32), sample_rate=16_000) == -math.inf
    assert peak_dbfs(np.zeros(100, np.float32)) == -math.inf


def test_only_runs_at_full_scale_are_clipping() -> None:
    sound = np.array([0, 1, 1, 0, 1, 1, 1, 0.5, -1, -1, -1, -1, 0.9, 1], np.float32)
    assert clipped_samples(sound) == 7
    assert clipped_samples(np.stack([sound, 0 * sound])) == 7
    assert clipped_samples(sine(rate=16_000)) == 0
    assert clipped_samples(np.ones(2, np.float32)) == 0


@pytest.mark.parametrize("target_db", [-6.0, -1.0, -40.0])
def test_the_peak_reaches_the_target(target_db: float) -> None:
    sound = sine(rate=16_000, level=0.1)
    assert normalize_level(sound, Level("peak", target_db), sample_rate=16_000) == []
    assert peak_dbfs(sound) == pytest.approx(target_db, abs=1e-3)


def test_the_loudness_reaches_the_target() -> None:
    sound = sine(rate=16_000, level=0.01)
    assert normalize_level(sound, Level("loudness", -23.0), sample_rate=16_000) == []
    assert loudness_lufs(sound, sample_rate=16_000) == pytest.approx(-23, abs=0.01)


def test_the_gain_is_limited_to_prevent_clipping() -> None:
    sound = sine(rate=16_000, level=0.01)
    sound[100] = 0.5  # a click, 34 dB above the tone
    (warning,) = normalize_level(
        sound, Level("loudness", -23.0, ceiling_dbfs=-1.0), sample_rate=16_000
    )
    assert "instead of -23" in warning
    assert peak_dbfs(sound) == pytest.approx(-1.0, abs=1e-3)


def test_a_recording_above_the_ceiling_becomes_quieter() -> None:
    sound = 4 * sine(rate=16_000)
    normalize_level(sound, Level("peak", 0.0), sample_rate=16_000)
    assert peak_dbfs(sound) == pytest.approx(-1.0, abs=1e-3)


@pytest.mark.parametrize("n", [1_600, 16_000])
def test_a_recording_without_loudness_is_unchanged(n: int) -> None:
    sound = np.full(n, 1e-6, np.float32)
    (warning,) = normalize_level(sound, Level(), sample_rate=16_000)
    assert "left unchanged" in warning
    assert sound[0] == np.float32(1e-6)
    assert normalize_level(np.zeros(n, np.float32), Level(), sample_rate=16_000) == []
