"""Filters remove hum, rumble and noise as specified, and nothing else."""

import numpy as np
import pytest

from lab import audio
from lab.core.errors import AudioError
from lab.preprocess.filters import reduce_noise, remove_rumble_and_hum
from lab.preprocess.recipe import HighPass, ReduceNoise, RemoveHum
from lab.recordings.samples import list_samples
from tests.support.sounds import RATE, level_db, sine

SECONDS = 70  # three blocks


def gain_db(hz: float, **steps: object) -> float:
    sound = sine(hz, seconds=SECONDS)
    before = level_db(sound)
    remove_rumble_and_hum(sound, sample_rate=RATE, **steps)
    return level_db(sound) - before


@pytest.mark.parametrize("hz", [20, 40, 80, 160, 1_000])
def test_the_high_pass_has_a_zero_phase_butterworth_response(hz: float) -> None:
    # |H|² of order 4, twice; bilinear warping is negligible so far below 8 kHz.
    expected = -2 * 10 * np.log10(1 + (80 / hz) ** 8)
    assert gain_db(hz, high_pass=HighPass(80.0)) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_hum_and_harmonics_are_removed_but_not_their_neighbours(mains_hz: int) -> None:
    step = RemoveHum(mains_hz, harmonics=3)
    for number in (1, 2, 3):
        assert gain_db(number * mains_hz, remove_hum=step) < -60
    assert gain_db(4 * mains_hz, remove_hum=step) == pytest.approx(0, abs=0.3)
    assert gain_db(1.25 * mains_hz, remove_hum=step) == pytest.approx(0, abs=0.3)


def test_blocks_leave_no_seams_and_no_shift() -> None:
    from scipy.signal import sosfiltfilt

    from lab.preprocess.filters import filter_sections

    steps = {"high_pass": HighPass(), "remove_hum": RemoveHum()}
    noise = np.random.default_rng(0).normal(0, 0.1, SECONDS * RATE).astype(np.float32)
    whole = sosfiltfilt(filter_sections(sample_rate=RATE, **steps), noise.astype(np.float64))
    remove_rumble_and_hum(noise, sample_rate=RATE, **steps)
    inner = slice(4 * RATE, -4 * RATE)  # the padding at both ends differs
    np.testing.assert_allclose(noise[inner], whole[inner], atol=1e-6)


@pytest.fixture(scope="module")
def english() -> np.ndarray:
    return audio.decode(list_samples()[0].audio_path).samples


def distortion_ratio_db(heard: np.ndarray, clean: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio (Le Roux et al. 2019)."""
    target = (heard @ clean) / (clean @ clean) * clean
    return float(10 * np.log10(np.sum(target**2) / np.sum((heard - target) ** 2)))


@pytest.mark.parametrize(
    ("step", "least_gain_db"),
    [
        (ReduceNoise(), 6.0),
        (ReduceNoise(noise_start_s=0.0, noise_end_s=1.0), 6.0),
        (ReduceNoise("changing"), 2.0),
    ],
    ids=["quietest", "sample", "changing"],
)
def test_noise_is_reduced_and_the_voice_is_kept(
    step: ReduceNoise, least_gain_db: float, english: np.ndarray
) -> None:
    clean = np.concatenate([np.zeros(RATE, np.float32), english, english])  # more than two blocks
    pause = slice(1_600, RATE - 1_600)
    loudness = np.sqrt(np.mean(english**2))
    noise = np.random.default_rng(0).normal(0, loudness * 10 ** (-8 / 20), len(clean))
    noisy = (clean + noise).astype(np.float32)
    reduced = noisy.copy()
    reduce_noise(reduced, step, sample_rate=RATE)
    assert 20 * np.log10(np.std(reduced[pause]) / np.std(noisy[pause])) < -8
    before_db = distortion_ratio_db(noisy[RATE:], clean[RATE:])
    assert distortion_ratio_db(reduced[RATE:], clean[RATE:]) > before_db + least_gain_db


@pytest.mark.parametrize("kind", ["steady", "changing"])
@pytest.mark.parametrize("n", [800, 40 * RATE])
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_silence_and_the_shortest_recordings_stay_finite(kind: str, n: int, rate: int) -> None:
    n = max(n, rate // 10)
    partly = np.zeros(n, np.float32)
    partly[n // 2 : n // 2 + 700] = 0.1
    for sound in (np.zeros(n, np.float32), partly):
        reduce_noise(sound, ReduceNoise(kind), sample_rate=rate)
        remove_rumble_and_hum(sound, sample_rate=rate, high_pass=HighPass(), remove_hum=RemoveHum())
        assert np.isfinite(sound).all()


def test_a_noise_sample_outside_the_recording_is_an_error() -> None:
    step = ReduceNoise(noise_start_s=1.0, noise_end_s=3.0)
    with pytest.raises(AudioError, match="the recording lasts 2 seconds"):
        reduce_noise(sine(300), step, sample_rate=RATE)
