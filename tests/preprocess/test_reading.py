"""Recordings are downmixed and resampled without loss, aliases or images."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from lab.core.errors import AudioError
from lab.preprocess.reading import read_signal
from lab.preprocess.recipe import Channel, Resample
from lab.preprocess.source import AudioArray, AudioFile
from tests.support.media import media
from tests.support.sounds import RATE, level_db, sine

DOWNWARDS = [(44_100, 22_050), (48_000, 22_050), (44_100, 16_000), (48_000, 16_000)]
RATES = [*DOWNWARDS, (16_000, 22_050), (8_000, 16_000)]


@pytest.mark.parametrize(("rate", "target"), RATES)
@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_resampling_keeps_the_pass_band_within_a_tenth_of_a_db(
    rate: int, target: int, share: float
) -> None:
    sound = sine(share * min(rate, target) / 2, rate=rate)
    signal = read_signal(AudioArray(sound, rate), resample=Resample(target))
    assert signal.sample_rate == target
    assert abs(len(signal.samples) - 2 * target) <= 1
    assert level_db(signal.samples) == pytest.approx(level_db(sound), abs=0.1)


@pytest.mark.parametrize(("rate", "target"), DOWNWARDS)
@pytest.mark.parametrize("share", [1.05, 1.2])
def test_aliases_are_90_db_down(rate: int, target: int, share: float) -> None:
    sound = sine(share * target / 2, rate=rate)
    signal = read_signal(AudioArray(sound, rate), resample=Resample(target))
    assert level_db(signal.samples) < level_db(sound) - 90


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_upsampling_adds_no_images(rate: int) -> None:
    signal = read_signal(AudioArray(sine(0.4 * rate, rate=rate), rate), resample=Resample(48_000))
    samples = signal.samples
    spectrum = np.abs(np.fft.rfft(samples * np.blackman(len(samples)))) / (0.21 * len(samples))
    above = np.fft.rfftfreq(len(samples), 1 / 48_000) > rate / 2
    assert 20 * np.log10(spectrum[above].max() / 0.5) < -90


def test_all_channels_are_read_at_the_rate_of_the_file(tmp_path: Path) -> None:
    channels = np.stack([sine(300, rate=44_100), sine(700, rate=44_100, level=0.2)])
    sf.write(tmp_path / "two.wav", channels.T, 44_100, subtype="PCM_24")
    signal = read_signal(AudioFile(tmp_path / "two.wav"))
    assert (signal.sample_rate, signal.bits, signal.samples.shape) == (44_100, 24, channels.shape)
    assert signal.samples.dtype == np.float32
    np.testing.assert_allclose(signal.samples, channels, atol=2**-23)


def test_eight_planar_channels_are_read_correctly(tmp_path: Path) -> None:
    tone = sine(440, rate=48_000)
    data = media(tmp_path, tone, container="mp4", encoder="aac", rate=48_000, layout="7.1")
    signal = read_signal(AudioFile(data))
    assert len(signal.samples) == 8
    for number in (1, 8):
        one = read_signal(AudioFile(data), channel=Channel(number)).samples
        np.testing.assert_array_equal(one, signal.samples[number - 1])
    mixed = read_signal(AudioFile(data), channel=Channel()).samples
    np.testing.assert_allclose(mixed, signal.samples.mean(axis=0), atol=1e-6)


def test_a_missing_channel_is_an_error() -> None:
    with pytest.raises(AudioError, match="has no channel 2, only 1"):
        read_signal(AudioArray(sine(300), RATE), channel=Channel(2))


def test_opposite_phase_uses_the_loudest_channel_and_warns(tmp_path: Path) -> None:
    left = sine(300)
    for factor, expected in ((-1.0, 1), (-1.2, 2), (-0.5, 1)):
        channels = np.stack([left, factor * left]).astype(np.float32)
        sf.write(tmp_path / "phase.wav", channels.T, RATE, subtype="FLOAT")
        for source in (AudioArray(channels, RATE), AudioFile(tmp_path / "phase.wav")):
            signal = read_signal(source, channel=Channel())
            np.testing.assert_allclose(signal.samples, channels[expected - 1], atol=1e-6)
            assert any(f"Channel {expected}, the loudest one" in text for text in signal.warnings)


@pytest.mark.parametrize(
    "other",
    [sine(300), sine(700), 0 * sine(300), -0.001 * sine(300)],
    ids=["same", "another voice", "silent", "crosstalk"],
)
def test_other_channels_are_mixed(other: np.ndarray) -> None:
    channels = np.stack([sine(300), other]).astype(np.float32)
    signal = read_signal(AudioArray(channels, RATE), channel=Channel())
    np.testing.assert_allclose(signal.samples, channels.mean(axis=0), atol=1e-6)
    assert not any("phase" in text for text in signal.warnings)


def test_flaws_of_a_recording_are_warned_about() -> None:
    silent = read_signal(AudioArray(np.zeros(RATE, np.float32), RATE))
    assert any("is silent" in text for text in silent.warnings)
    telephone = read_signal(AudioArray(sine(300, rate=8_000), 8_000), resample=Resample(16_000))
    assert any("8000 Hz (telephone)" in text for text in telephone.warnings)
    overdriven = read_signal(AudioArray(np.clip(sine(300, level=2), -1, 1), RATE))
    assert any("are clipped" in text for text in overdriven.warnings)
    assert read_signal(AudioArray(sine(300), RATE)).warnings == ()


def test_a_truncated_recording_is_read_as_far_as_possible(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    sf.write(path, sine(300, seconds=4), RATE)
    path.write_bytes(path.read_bytes()[: 2 * RATE * 2])
    signal = read_signal(AudioFile(path))
    assert signal.samples.shape[-1] == pytest.approx(2 * RATE, abs=100)
    assert any("About 2 seconds of 4 seconds cannot be read" in text for text in signal.warnings)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0, np.float32),
        np.zeros((0, 5), np.float32),
        np.zeros((2, 2, 2), np.float32),
        np.ones(2, np.float32),
        np.full(RATE, np.nan, np.float32),
        np.full(RATE, np.inf, np.float32),
    ],
    ids=["empty", "no channel", "cube", "two samples", "nan", "infinite"],
)
def test_an_invalid_array_is_an_audio_error(samples: np.ndarray) -> None:
    with pytest.raises(AudioError):
        read_signal(AudioArray(samples, RATE), channel=Channel(), resample=Resample(22_050))


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.5])
def test_a_hostile_file_is_an_audio_error(value: float, tmp_path: Path) -> None:
    n = 2 if value == 0.5 else RATE
    sf.write(tmp_path / "bad.wav", np.full(n, value, np.float32), RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"bad\.wav"):
        read_signal(AudioFile(tmp_path / "bad.wav"), channel=Channel())
