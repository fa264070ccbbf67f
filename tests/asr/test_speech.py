"""Speech is detected anywhere in a recording, and packed into windows without loss."""

import threading
from collections.abc import Generator, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest
from faster_whisper import vad
from hypothesis import given
from hypothesis import strategies as st

from lab.asr import speech
from lab.asr.speech import WINDOW_SAMPLES, Region, Samples, Window, find_speech, pack
from lab.audio import SAMPLE_RATE
from tests.support.speech import Utterance, joined


def region(start_s: float, end_s: float) -> Region:
    return Region(round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE))


# 2 s, 1 s and 3 s of speech, of which each window second knows its place in the recording.
WINDOW = Window((region(10, 12), region(20, 21), region(30, 33)))


# --- windows ---


@pytest.mark.parametrize(
    ("time_s", "start_s", "end_s"),
    [
        (0.0, 10.0, 10.0),
        (1.5, 11.5, 11.5),
        (2.0, 20.0, 12.0),  # a joint: the next region's start, or the end of the one before
        (2.5, 20.5, 20.5),
        (3.0, 30.0, 21.0),
        (6.0, 33.0, 33.0),
        (29.0, 33.0, 33.0),  # the model may place an end in the silence that fills the window
        (-0.1, 10.0, 10.0),
    ],
)
def test_a_time_in_a_window_is_converted_to_the_recording(
    time_s: float, start_s: float, end_s: float
) -> None:
    assert WINDOW.to_recording(time_s) == pytest.approx(start_s)
    assert WINDOW.to_recording(time_s, is_end=True) == pytest.approx(end_s)


@given(time_s=st.floats(0, 6))
def test_the_part_after_a_time_starts_at_that_time(time_s: float) -> None:
    left = WINDOW.after(time_s)
    assert (left is None) == (round(time_s * SAMPLE_RATE) >= len(WINDOW))
    if left is not None:
        assert left.start_s == pytest.approx(WINDOW.to_recording(time_s), abs=1 / SAMPLE_RATE)
        assert left.end_s == WINDOW.end_s
        assert len(left) == len(WINDOW) - round(time_s * SAMPLE_RATE)


def test_there_is_no_part_after_the_end() -> None:
    assert WINDOW.after(6.0) is None
    assert WINDOW.after(100.0) is None
    assert WINDOW.after(0.0) == WINDOW


def test_the_audio_of_a_window_is_that_of_its_regions() -> None:
    samples = np.arange(40 * SAMPLE_RATE, dtype=np.float32)
    cut = WINDOW.cut(samples)
    assert len(cut) == len(WINDOW) == 6 * SAMPLE_RATE
    second = SAMPLE_RATE
    np.testing.assert_array_equal(cut[2 * second : 3 * second], samples[20 * second : 21 * second])
    after = WINDOW.after(2.5)
    assert after is not None
    np.testing.assert_array_equal(after.cut(samples), cut[round(2.5 * second) :])


@st.composite
def regions_in_order(draw: st.DrawFn) -> list[Region]:
    regions, at = [], 0
    for _ in range(draw(st.integers(0, 30))):
        at += draw(st.integers(0, 5 * SAMPLE_RATE))
        length = draw(st.integers(1, WINDOW_SAMPLES) | st.integers(1, 3 * SAMPLE_RATE))
        regions.append(Region(at, at + length))
        at += length
    return regions


@given(regions=regions_in_order())
def test_packing_keeps_every_region_in_order_and_fits_30_seconds(regions: list[Region]) -> None:
    windows = list(pack(iter(regions)))
    assert [region for window in windows for region in window.regions] == regions
    assert all(len(window) <= WINDOW_SAMPLES for window in windows)


def test_a_full_window_ends_at_the_longest_of_its_last_pauses() -> None:
    sentences = [region(0, 10), region(13, 29.5), region(31, 32), region(32.2, 36), region(37, 40)]
    first, second = pack(iter(sentences))
    assert first.regions == tuple(sentences[:2])
    assert second.regions == tuple(sentences[2:])


def test_a_window_does_not_end_early_for_a_long_pause() -> None:
    sentences = [region(0, 20), region(25, 32), region(32.2, 36)]
    first, second = pack(iter(sentences))
    assert first.regions == tuple(sentences[:2])
    assert second.regions == tuple(sentences[2:])


def test_a_long_region_after_an_early_cut_gets_its_own_window() -> None:
    windows = list(pack(iter([region(0, 26), region(28, 31), region(31.2, 59)])))
    assert [len(window) / SAMPLE_RATE for window in windows] == [26, 3, pytest.approx(27.8)]


def test_windows_are_packed_lazily() -> None:
    def endless() -> Iterator[Region]:
        at = 0
        while True:
            yield region(at, at + 10)
            at += 11

    windows = pack(endless())
    assert [len(next(windows)) for _ in range(3)] == [WINDOW_SAMPLES] * 3


# --- finding speech ---


def loud(samples: Samples, _options: object) -> list[dict[str, int]]:
    """A detector that reports everything but 0 as speech."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], samples != 0, [0]])))
    return [
        {"start": int(start), "end": int(end)}
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]


@given(lengths=st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), max_size=40))
def test_the_result_does_not_depend_on_the_block_size(
    lengths: list[tuple[int, int]],
) -> None:
    bounds = np.cumsum([length for pair in lengths for length in pair]).tolist()
    regions = [Region(*pair) for pair in zip(bounds[::2], bounds[1::2], strict=True)]
    samples = np.zeros(bounds[-1] if bounds else 0, np.float32)
    for one in regions:
        samples[one.start : one.end] = 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vad, "get_speech_timestamps", loud)
        patch.setattr(speech, "_FIRST_BLOCK_SAMPLES", 100)
        patch.setattr(speech, "_BLOCK_SAMPLES", 170)
        assert list(find_speech(samples)) == regions


def detector_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("speech")]


def test_abandoning_the_iterator_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []

    def detect(samples: Samples, options: object) -> list[dict[str, int]]:
        searched.append(len(samples))
        return loud(samples, options)

    monkeypatch.setattr(vad, "get_speech_timestamps", detect)
    samples = np.tile(np.repeat(np.array([1, 0], np.float32), SAMPLE_RATE), 60 * 10)
    found = find_speech(samples)
    assert next(found) == region(0, 1)
    assert len(detector_threads()) == 1
    assert isinstance(found, Generator)
    found.close()
    assert detector_threads() == []
    # The first block, and at most the next one.
    assert len(searched) <= 2


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_an_error_of_the_detector_is_raised(broken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = 0

    def detect(_samples: Samples, _options: object) -> Sequence[dict[str, int]]:
        nonlocal blocks
        blocks += 1
        if blocks > broken:
            raise MemoryError("no room")
        return [{"start": 0, "end": SAMPLE_RATE}]

    monkeypatch.setattr(vad, "get_speech_timestamps", detect)
    found = find_speech(np.zeros(20 * 60 * SAMPLE_RATE, np.float32))
    for _ in range(broken):
        next(found)
    with pytest.raises(MemoryError, match="no room"):
        next(found)
    assert detector_threads() == []


@pytest.mark.parametrize("n_samples", [0, 1, 100, 512, 16_000, 31 * 16_000])
def test_there_is_no_speech_in_silence(n_samples: int) -> None:
    assert list(find_speech(np.zeros(n_samples, np.float32))) == []


@pytest.mark.parametrize("level", [1e-4, 0.1, 1.0, 30.0])
def test_regions_detected_in_noise_are_inside_it(level: float) -> None:
    noise = np.random.default_rng(0).normal(0, level, 3 * SAMPLE_RATE + 7).astype(np.float32)
    for found in find_speech(noise):
        assert 0 <= found.start < found.end <= len(noise)


def coverage(regions: list[Region], n_samples: int) -> Samples:
    covered = np.zeros(n_samples, bool)
    for found in regions:
        covered[found.start : found.end] = True
    return covered


@pytest.mark.real
@pytest.mark.parametrize("border_s", [60, 360])
def test_speech_across_two_blocks_is_one_region(
    border_s: int, english_prompts: list[Utterance], monkeypatch: pytest.MonkeyPatch
) -> None:
    talk, _ = joined(english_prompts[:20], pause_s=0.3)
    border = border_s * SAMPLE_RATE
    before = np.zeros(border - 20 * SAMPLE_RATE, np.float32)
    samples = np.concatenate([before, talk.samples])
    in_blocks = list(find_speech(samples))
    monkeypatch.setattr(speech, "_FIRST_BLOCK_SAMPLES", len(samples))
    at_once = list(find_speech(samples))

    for regions in (in_blocks, at_once):
        assert all(one.end <= two.start for one, two in pairwise(regions))
        assert all(len(one) <= WINDOW_SAMPLES for one in regions)
    differs = coverage(in_blocks, len(samples)) != coverage(at_once, len(samples))
    assert differs.sum() < 0.5 * SAMPLE_RATE


@pytest.mark.real
def test_speech_without_a_pause_is_split_into_windows(
    english_prompts: list[Utterance],
) -> None:
    talk, _ = joined(english_prompts[:30], pause_s=0.0)
    found = list(find_speech(talk.samples))
    assert all(len(one) <= WINDOW_SAMPLES for one in found)
    assert all(one.end <= two.start for one, two in pairwise(found))
    assert coverage(found, len(talk.samples)).mean() > 0.95


def test_each_block_is_reported() -> None:
    samples = np.zeros(11 * 60 * SAMPLE_RATE, np.float32)
    reports: list[tuple[float, float]] = []

    def report(done: float, total: float, note: str = "") -> None:  # noqa: ARG001
        reports.append((done, total))

    found = find_speech(samples, on_progress=report)
    assert reports == []
    assert list(found) == []
    minute = 60 * SAMPLE_RATE
    assert reports == [(done * minute, 11 * minute) for done in (0, 1, 6)]
