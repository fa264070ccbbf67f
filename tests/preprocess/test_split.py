"""Clips are cut at pauses, respect the length limits, and lose no speech."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import audio
from lab.asr.speech import find_speech
from lab.audio import SAMPLE_RATE
from lab.preprocess.recipe import Split
from lab.preprocess.split import Cuts, Span, arrange, find_cuts
from lab.recordings.samples import list_samples
from tests.support.speech import Utterance
from tests.support.spoken_passages import covered_share, cuts_in_words, pieces, spoken

RATE = 1_000  # Hz, where only lengths matter

sounds = st.lists(st.tuples(st.integers(100, 3_000), st.integers(1, 40_000)), max_size=30)


@settings(deadline=None, max_examples=200)
@given(
    sounds=sounds,
    tail=st.integers(0, 3_000),
    min_s=st.floats(0.1, 5),
    stretch=st.floats(2, 10),
    margin_s=st.floats(0, 2),
    min_pause_s=st.floats(0.1, 3),
    seed=st.integers(0, 9),
)
def test_clips_respect_the_limits_and_cover_all_sound_exactly_once(
    sounds: list[tuple[int, int]],
    tail: int,
    min_s: float,
    stretch: float,
    margin_s: float,
    min_pause_s: float,
    seed: int,
) -> None:
    max_s = max(min_s * stretch, 1.0) + 2 * margin_s + 0.01  # else rounding may decide
    step = Split(min_s=min_s, max_s=max_s, margin_s=margin_s, min_pause_s=min_pause_s)
    spans, n = [], 0
    for pause, sound in sounds:
        spans.append(Span(n + pause, n + pause + sound))
        n += pause + sound
    mono = np.random.default_rng(seed).normal(0, 1, n + tail).astype(np.float32)
    cuts = arrange(spans, mono, step, sample_rate=RATE)

    for clip in cuts.spans:
        assert min_s * RATE - 1 <= len(clip) <= max_s * RATE + 1
    everything = sorted([*cuts.spans, *cuts.too_short], key=lambda span: span.start)
    covered = np.zeros(len(mono), int)
    for clip in everything:
        assert 0 <= clip.start < clip.end <= len(mono)
        covered[clip.start : clip.end] += 1
    assert covered.max(initial=0) <= 1
    in_sound = np.zeros(len(mono), bool)
    for span in spans:
        in_sound[span.start : span.end] = True
    assert (covered[in_sound] == 1).all()
    assert_cuts_inside_sounds_were_needed(cuts, spans, step)


def assert_cuts_inside_sounds_were_needed(cuts: Cuts, spans: list[Span], step: Split) -> None:
    shortest, longest = step.min_s * RATE + 1, step.max_speech_s * RATE - 1
    for clip in cuts.spans:
        cut_through = [span for span in spans if span.start < clip.end < span.end]
        if not cut_through:
            continue
        begin = next(max(span.start, clip.start) for span in spans if span.end > clip.start)
        pauses = [(one.end, two.start) for one, two in pairwise(spans) if one.end >= begin]
        phrase_end = next(
            (stop for stop, go in pauses if go - stop >= step.min_pause_s * RATE), spans[-1].end
        )
        for stop, go in pauses:
            if go <= phrase_end and go - stop > 41:
                assert not (
                    begin + shortest <= stop <= begin + longest and go + shortest <= phrase_end
                )


def loud(*parts: tuple[float, float]) -> np.ndarray:
    """Concatenated noise of (seconds, level) at 16 kHz."""
    noise = np.random.default_rng(0)
    pieces = [noise.normal(0, level, round(s * SAMPLE_RATE)) for s, level in parts]
    return np.concatenate(pieces).astype(np.float32)


def seconds(cuts: tuple[Span, ...]) -> list[tuple[float, float]]:
    return [(round(s.start / SAMPLE_RATE, 1), round(s.end / SAMPLE_RATE, 1)) for s in cuts]


def test_silence_is_below_the_threshold() -> None:
    sound = loud((1, 0), (3, 0.1), (1, 0.001), (2, 0.1), (0.2, 0), (2, 0.1), (3, 0))
    step = Split("silence", margin_s=0.2, min_pause_s=0.5)
    cuts = find_cuts(sound, step, sample_rate=SAMPLE_RATE)
    assert seconds(cuts.spans) == [(0.8, 4.2), (4.8, 9.4)]
    assert cuts.too_short == ()


def test_long_speech_is_cut_at_its_longest_pause_or_quietest_moment() -> None:
    step = Split("silence", max_s=10, margin_s=0.0, min_pause_s=1.0)
    paused = loud((6, 0.1), (0.3, 0), (2, 0.1), (0.2, 0), (4, 0.1))
    cuts = find_cuts(paused, step, sample_rate=SAMPLE_RATE)
    assert seconds(cuts.spans) == [(0.0, 6.0), (6.3, 12.5)]
    fluent = loud((8, 0.1), (0.05, 0.02), (5.95, 0.1))
    cuts = find_cuts(fluent, step, sample_rate=SAMPLE_RATE)
    ((start, first), (second, end)) = seconds(cuts.spans)
    assert (start, end) == (0.0, 14.0)
    assert first == second == pytest.approx(8.0, abs=0.1)


def test_the_remainder_after_a_cut_is_long_enough_for_a_clip() -> None:
    step = Split("silence", max_s=10, margin_s=0.0)
    tempting = loud((9.85, 0.1), (0.05, 0.01), (0.6, 0.1))
    cuts = find_cuts(tempting, step, sample_rate=SAMPLE_RATE)
    assert cuts.too_short == ()
    assert [len(clip) >= SAMPLE_RATE for clip in cuts.spans] == [True, True]


def test_a_short_word_is_extended_or_merged_or_dropped() -> None:
    step = Split("silence", min_s=1.0, margin_s=0.1, min_pause_s=0.3)
    alone = find_cuts(loud((3, 0), (0.4, 0.1), (3, 0)), step, sample_rate=SAMPLE_RATE)
    assert [end - start for start, end in seconds(alone.spans)] == [pytest.approx(1.0)]
    near = loud((0.3, 0.1), (0.4, 0), (3, 0.1), (2, 0))
    joined = find_cuts(near, step, sample_rate=SAMPLE_RATE)
    assert seconds(joined.spans) == [(0.0, 3.8)]
    brief = find_cuts(loud((0.5, 0.1)), step, sample_rate=SAMPLE_RATE)
    assert (len(brief.spans), len(brief.too_short)) == (0, 1)


@pytest.mark.parametrize("by", ["speech", "silence"])
@pytest.mark.parametrize("n", [1_600, 61 * SAMPLE_RATE])
def test_silence_has_no_clips(by: str, n: int) -> None:
    for sound in (np.zeros(n, np.float32), np.zeros((2, n), np.float32)):
        cuts = find_cuts(sound, Split(by), sample_rate=SAMPLE_RATE)
        assert cuts.spans == cuts.too_short == ()


@pytest.fixture(scope="module")
def conversation() -> tuple[np.ndarray, list[tuple[int, int]]]:
    """All samples, joined with pauses of 1 s, at 22.05 kHz; and the range of each."""
    rate, pieces, borders, n = 22_050, [], [], 0
    for sample in list_samples():
        samples = audio.decode(sample.audio_path, sample_rate=rate).samples
        borders.append((n, n + len(samples)))
        pieces += [samples, np.zeros(rate, np.float32)]
        n += len(samples) + rate
    return np.concatenate(pieces), borders


@pytest.mark.parametrize("by", ["speech", "silence"])
@pytest.mark.parametrize("max_s", [8.0, 30.0])
def test_real_speech_is_covered_and_split_between_recordings(
    by: str, max_s: float, conversation: tuple[np.ndarray, list[tuple[int, int]]]
) -> None:
    import librosa

    samples, borders = conversation
    rate, step = 22_050, Split(by, max_s=max_s, silence_dbfs=-45.0)
    cuts = find_cuts(samples, step, sample_rate=rate)
    for clip in cuts.spans:
        assert step.min_s * rate <= len(clip) <= max_s * rate
        # No clip spans two recordings.
        assert sum(clip.start < end and begin < clip.end for begin, end in borders) == 1

    in_clip = np.zeros(len(samples), bool)
    for clip in cuts.spans:
        in_clip[clip.start : clip.end] = True
    heard = librosa.resample(samples, orig_sr=rate, target_sr=SAMPLE_RATE)
    spoken = np.zeros(len(samples), bool)
    for region in find_speech(heard):
        spoken[region.start * rate // SAMPLE_RATE : region.end * rate // SAMPLE_RATE] = True
    energy = np.square(samples)
    assert energy[spoken & in_clip].sum() >= 0.99 * energy[spoken].sum()

    # At its boundaries, a clip is far quieter than speech.
    loudness = np.sqrt(np.mean(energy[spoken]))
    edge = round(0.02 * rate)
    levels = []
    for clip in cuts.spans:
        for border in (clip.start, clip.end):
            around = samples[max(border - edge, 0) : border + edge]
            levels.append(20 * np.log10(np.sqrt(np.mean(around**2)) / loudness + 1e-9))
    assert max(levels) < -15


@pytest.mark.real
def test_of_joined_prompts_99_percent_are_covered_and_no_word_is_cut(
    english_prompts: list[Utterance],
) -> None:
    assert english_prompts  # else the test is skipped
    stretches, joined, at_s = [], [], 0.0
    for samples, pause_s in pieces("en", minutes=4):
        stretches += [(at_s + start_s, at_s + end_s) for start_s, end_s in spoken(samples)]
        joined += [samples, np.zeros(round(pause_s * SAMPLE_RATE), np.float32)]
        at_s = sum(map(len, joined)) / SAMPLE_RATE
    cuts = find_cuts(np.concatenate(joined), Split(), sample_rate=SAMPLE_RATE)
    clips = [(one.start / SAMPLE_RATE, one.end / SAMPLE_RATE) for one in cuts.spans]
    assert covered_share(stretches, clips) >= 0.99
    assert cuts_in_words(stretches, clips) == []
