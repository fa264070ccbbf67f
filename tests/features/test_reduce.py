"""Reduction to screen resolution keeps minima and maxima."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.audio import Waveform
from lab.features import SOURCE_LAB, FeatureSettings, compute, frames
from lab.features.reduce import max_pool, overview, waveform_envelope
from lab.features.spectra import in_decibels
from tests.support.voices import RATE, voice


@given(n=st.integers(0, 3000), width=st.integers(1, 500), seed=st.integers(0, 9))
def test_the_envelope_contains_the_lowest_and_highest_samples(
    n: int, width: int, seed: int
) -> None:
    samples = np.random.default_rng(seed).normal(0, 0.3, n).astype(np.float32)
    envelope = waveform_envelope(Waveform(samples, RATE), width=width)
    assert len(envelope.times) == len(envelope.lowest) == len(envelope.highest) <= width
    size = -(-n // width) or 1
    assert envelope.lowest.tolist() == [samples[i : i + size].min() for i in range(0, n, size)]
    assert envelope.highest.tolist() == [samples[i : i + size].max() for i in range(0, n, size)]


def test_the_envelope_of_few_samples_is_the_waveform() -> None:
    wave = voice(2.0)
    envelope = waveform_envelope(wave, width=2000, start_s=0.5, end_s=0.6)
    np.testing.assert_array_equal(envelope.lowest, wave.samples[8000:9600])
    np.testing.assert_array_equal(envelope.highest, wave.samples[8000:9600])
    np.testing.assert_allclose(envelope.times, np.arange(8000, 9600) / RATE)


def test_a_single_loud_sample_in_an_hour_is_visible() -> None:
    samples = np.zeros(3600 * 1000, np.float32)
    samples[1_234_567] = 1.0
    envelope = waveform_envelope(Waveform(samples, 1000), width=1500)
    (where,) = np.flatnonzero(envelope.highest)
    assert envelope.times[where] == pytest.approx(1234.567, abs=2)


@pytest.mark.parametrize("view", ["power", "mel"])
@given(
    max_frames=st.integers(1, 300),
    max_bins=st.integers(1, 600),
    start_s=st.floats(0, 2.5),
    length_s=st.none() | st.floats(0, 3),
    hop_length=st.integers(60, 700),
)
@settings(max_examples=50, deadline=None)
def test_the_overview_equals_the_max_pooled_view(
    view: str,
    max_frames: int,
    max_bins: int,
    start_s: float,
    length_s: float | None,
    hop_length: int,
) -> None:
    values = FeatureSettings(hop_length=hop_length)
    end_s = None if length_s is None else start_s + length_s
    whole = max_pool(
        compute(view, voice(), values),
        max_columns=max_frames,
        max_rows=max_bins,
        start=start_s,
        end=np.inf if end_s is None else end_s,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "_BLOCK_VALUES", 20_000)  # many blocks
        seen = overview(
            voice(),
            values,
            view,  # type: ignore[arg-type]
            max_frames=max_frames,
            max_bins=max_bins,
            start_s=start_s,
            end_s=end_s,
        )
    assert seen.array.shape == whole.array.shape
    np.testing.assert_allclose(seen.array, whole.array, rtol=1e-5, atol=1e-7)
    assert seen.array.shape[0] <= max_bins
    assert seen.array.shape[1] <= max_frames
    for ours, theirs in zip(seen.axes, whole.axes, strict=True):
        np.testing.assert_allclose(ours.values(), theirs.values(), rtol=1e-6, atol=1e-9)


def test_decibels_of_an_excerpt_equal_those_of_the_whole() -> None:
    loud_then_soft = voice(1.0).samples
    wave = Waveform(np.concatenate([loud_then_soft, 0.1 * loud_then_soft]), RATE)
    size = {"max_frames": 40, "max_bins": 64}
    whole = overview(wave, SOURCE_LAB, "mel", **size)
    loudest = float(whole.array.max())
    part = overview(wave, SOURCE_LAB, "mel", **size, start_s=1.2, end_s=1.8)
    shown = in_decibels(part, view="log_mel", top_db=80.0, reference=loudest)
    assert shown.unit == "dB"
    assert -25 < shown.array.max() < -15
    assert in_decibels(whole, view="log_mel", top_db=80.0).array.max() == 0


def test_a_range_beyond_the_end_is_empty() -> None:
    place = {"start_s": 60.0, "end_s": 120.0}
    empty = overview(voice(), SOURCE_LAB, "power", max_frames=10, max_bins=10, **place)
    assert in_decibels(empty, view="power_db", top_db=80.0).array.shape == (10, 0)
    assert len(waveform_envelope(voice(), width=10, **place).times) == 0


def test_nan_is_ignored_if_a_rectangle_has_other_values() -> None:
    feature = compute("pitch", voice(), SOURCE_LAB)
    feature.array[::2] = np.nan
    small = max_pool(feature, max_columns=len(feature.array) // 2 + 1)
    assert np.isfinite(small.array[:-1]).all()
