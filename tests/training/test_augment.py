"""Data augmentation."""

import numpy as np
import pytest

from lab.training import augment
from lab.training.config import Augmentation, Config
from lab.training.data_module import ClipBatches
from lab.training.prepared_examples import TrainingClip, TrainingClips
from tests.support.whispers import BRIEF

RATE = 16_000


@pytest.fixture
def tone() -> np.ndarray:
    return (0.1 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)).astype(np.float32)


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_noise_has_the_requested_snr(tone: np.ndarray, snr_db: float) -> None:
    noisy = augment.add_noise(tone, snr_db=snr_db, rng=np.random.default_rng(0))
    noise = noisy - tone
    measured_db = 10 * np.log10(np.mean(tone**2) / np.mean(noise**2))
    assert measured_db == pytest.approx(snr_db, abs=0.1)


def test_a_faster_clip_is_shorter_and_higher(tone: np.ndarray) -> None:
    fast = augment.change_speed(tone, 1.25)
    assert len(fast) == pytest.approx(len(tone) / 1.25, abs=2)
    peak_hz = np.argmax(np.abs(np.fft.rfft(fast))) * RATE / len(fast)
    assert peak_hz == pytest.approx(550, abs=1)


def test_a_slowed_down_clip_still_fits_into_the_encoder() -> None:
    clips = TrainingClips(
        (TrainingClip("a.wav", "po", "sq", 1.0, 0, RATE),), np.ones(RATE, np.int16)
    )
    config = Config(
        dataset="a", long_form_ratio=1.0, augmentation=Augmentation(max_speed_change=0.3)
    )
    batches = ClipBatches(clips, BRIEF, config)
    for seed in range(5):
        batch = batches.batch([0], long_form=True, rng=np.random.default_rng(seed))
        assert batch.mels.shape == (1, 80, 100)


def test_gain_is_in_decibels_and_stays_in_range(tone: np.ndarray) -> None:
    assert np.abs(augment.apply_gain(tone, 6.02)).max() == pytest.approx(0.2, rel=1e-3)
    assert np.abs(augment.apply_gain(tone, 60)).max() == 1


def test_silence_stays_silence() -> None:
    silence = np.zeros(RATE, np.float32)
    noisy = augment.add_noise(silence, snr_db=0, rng=np.random.default_rng(0))
    assert not noisy.any()


def test_masks_cover_spans_and_bands_and_nothing_else() -> None:
    mel = np.random.default_rng(0).standard_normal((80, 200)).astype(np.float32)
    before = mel.copy()
    by = Augmentation(time_masks=2, time_mask_s=0.3, frequency_masks=1)
    masked = augment.spec_augment(mel, by, np.random.default_rng(1))
    np.testing.assert_array_equal(mel, before)
    changed = masked != mel
    assert 0 < changed.mean() < 0.5
    assert changed.all(axis=0).sum() <= 60
    assert changed.all(axis=1).sum() <= 12


def test_a_long_clip_is_not_slowed_down_beyond_the_limit(tone: np.ndarray) -> None:
    limit = len(tone) + RATE // 10
    augmentation = Augmentation(max_speed_change=0.3)
    generators = map(np.random.default_rng, range(20))
    lengths = [
        len(augment.augment_waveform(tone, augmentation, rng, max_samples=limit))
        for rng in generators
    ]
    assert max(lengths) <= limit
    assert lengths.count(limit) < 2  # none was cut


def test_the_same_seed_gives_the_same_augmentation(tone: np.ndarray) -> None:
    by = Augmentation(noise_probability=1.0, max_speed_change=0.1, max_gain_db=6.0)
    one, same = (augment.augment_waveform(tone, by, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    other = augment.augment_waveform(tone, by, np.random.default_rng(6))
    assert len(one) != len(other)
