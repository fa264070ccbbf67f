"""Metrics against their definitions, and a checklist that names the failing clips."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from lab import audio
from lab.audio.quality import MeasuredClip, check_quality, measure, measure_file
from lab.preprocess import SOURCE_LAB, AudioFile, prepare_files
from lab.recordings.samples import list_samples

RATE = 16_000


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    return audio.decode(list_samples()[0].audio_path).samples


@pytest.mark.parametrize("snr_db", [5, 10, 20, 30])
def test_the_snr_estimate_is_close(snr_db: float, voice: np.ndarray) -> None:
    frames = voice[: len(voice) // 400 * 400].reshape(-1, 400)
    powers = np.mean(frames**2, axis=1)
    active = powers[powers > powers.max() * 1e-4].mean()  # frames that are audible at all
    noise = np.random.default_rng(0).normal(0, np.sqrt(active / 10 ** (snr_db / 10)), len(voice))
    estimate = measure((voice + noise).astype(np.float32), RATE).snr_db
    assert estimate == pytest.approx(snr_db, abs=3)


def test_a_clean_recording_has_a_high_snr_and_silence_none(voice: np.ndarray) -> None:
    clean = measure(voice, RATE).snr_db
    assert clean is not None
    assert clean > 30
    silent = measure(np.zeros(RATE, np.float32), RATE)
    assert (silent.snr_db, silent.peak_dbfs, silent.silent_share) == (None, -math.inf, 1.0)
    noise = np.random.default_rng(0).normal(0, 0.1, 10 * RATE).astype(np.float32)
    assert (measure(noise, RATE).snr_db or 0) < 5


def test_metrics_of_a_tone() -> None:
    t = np.arange(5 * RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 997 * t) + 0.02).astype(np.float32)
    tone[: 2 * RATE] = 0.02
    metrics = measure(tone, RATE)
    assert metrics.duration_s == 5.0
    assert metrics.peak_dbfs == pytest.approx(20 * math.log10(0.52), abs=0.01)
    assert metrics.loudness_lufs == pytest.approx(-3.01 + 20 * math.log10(0.5), abs=0.2)
    assert metrics.silent_share == pytest.approx(0.4, abs=0.01)
    assert metrics.dc_offset == pytest.approx(0.02, abs=1e-4)
    assert metrics.clipped_samples == 0
    loud = measure(np.clip(4 * tone, -1, 1), RATE)
    assert loud.clipped_samples == pytest.approx(
        3 * RATE * 2 / 3, rel=0.05
    )  # above half its amplitude


@pytest.mark.parametrize("n", [1, 2, 399, 401])
def test_the_shortest_clips_have_metrics(n: int) -> None:
    metrics = measure(np.full(n, 0.1, np.float32), RATE)
    assert metrics.duration_s == n / RATE
    assert metrics.loudness_lufs is None


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> MeasuredClip:
    """A clip that passes all checks."""
    folder = tmp_path_factory.mktemp("clips")
    samples = [AudioFile(list_samples()[0].audio_path)]
    report = prepare_files(samples, SOURCE_LAB, folder)
    return measure_file(folder / report.rows[0].file_name)


def test_clips_of_the_source_lab_recipe_pass(clip: MeasuredClip) -> None:
    checks = check_quality([clip] * 100)
    assert len(checks) == 6
    assert all(check.passed and not check.failing for check in checks)


def test_each_fault_fails_its_check_which_names_the_clip(clip: MeasuredClip) -> None:
    faults = [
        replace(clip, name="codec", info=replace(clip.info, codec="mp3", container="mp3")),
        replace(clip, name="long", metrics=replace(clip.metrics, duration_s=30.1)),
        replace(clip, name="rate", info=replace(clip.info, sample_rate=16_000)),
        replace(clip, name="noise", metrics=replace(clip.metrics, snr_db=10.0)),
        replace(clip, name="clipped", metrics=replace(clip.metrics, clipped_samples=3)),
    ]
    enough, *others = check_quality([clip] * 4 + faults)
    assert not enough.passed
    assert "100 are needed" in enough.sentence
    assert [check.failing for check in others] == [(fault.name,) for fault in faults]
    for check in others:
        assert not check.passed
        assert check.sentence.startswith("1 of 9 clips ")
    nothing = replace(clip, name="nothing", metrics=replace(clip.metrics, snr_db=None))
    assert "nothing" in check_quality([nothing])[4].failing


def test_an_empty_set_passes_no_check() -> None:
    assert not any(check.passed for check in check_quality([]))


def test_a_file_from_elsewhere_is_measured(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.flac", np.full((48_000, 2), 0.1), 48_000)
    measured = measure_file(tmp_path / "a.flac")
    assert (measured.name, measured.info.channels, measured.info.codec) == ("a.flac", 2, "flac")
    assert measured.metrics.dc_offset == pytest.approx(0.1, abs=1e-3)
