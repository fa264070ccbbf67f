"""The text of a window is split into segments with times in the recording."""

import math

import numpy as np
import pytest
from whisper.tokenizer import get_tokenizer

from lab.asr.segments import segments_of
from lab.asr.speech import Region, Window
from lab.audio import SAMPLE_RATE
from tests.support.decodings import decoded

TOKENIZER = get_tokenizer(True, num_languages=99, language="en", task="transcribe")


def window(start_s: float, end_s: float) -> Window:
    return Window((Region(round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE)),))


def test_segments_are_between_their_timestamps() -> None:
    text = decoded(TOKENIZER, 0.2, " Hello there.", 2.0, 2.5, " Mirë.", 4.0, avg_logprob=-0.4)
    one, two = segments_of(window(100, 104), text, TOKENIZER)
    assert (one.start_s, one.end_s, one.text) == (100.2, 102.0, " Hello there.")
    assert (two.start_s, two.end_s, two.text) == (102.5, 104.0, " Mirë.")
    assert one.avg_logprob == two.avg_logprob == -0.4
    assert one.window_start_s == two.window_start_s == 100
    assert "".join(word.text for word in one.words) == one.text
    assert one.confidence == pytest.approx(math.exp(-0.1))
    assert all(word.start_s is None for word in one.words)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((0.0, " No end"), [(50.0, 54.0)]),
        ((0.0, " Too late", 29.0), [(50.0, 54.0)]),
        ((" No start", 2.0), [(50.0, 52.0)]),
        ((0.0, " ", 1.0, 1.0, " Two", 2.0), [(51.0, 52.0)]),
        ((0.0, 1.0, 2.0), []),
    ],
)
def test_odd_timestamps_still_give_times_inside_the_window(
    parts: tuple[str | float, ...], expected: list[tuple[float, float]]
) -> None:
    found = segments_of(window(50, 54), decoded(TOKENIZER, *parts), TOKENIZER)
    assert [(segment.start_s, segment.end_s) for segment in found] == expected


def test_a_segment_across_a_removed_pause_includes_it() -> None:
    two_regions = Window((*window(10, 12).regions, *window(60, 63).regions))
    text = decoded(TOKENIZER, 0.0, " One", 2.0, 2.0, " Two", 5.0)
    one, two = segments_of(two_regions, text, TOKENIZER)
    assert (one.start_s, one.end_s) == (10.0, 12.0)
    assert (two.start_s, two.end_s) == (60.0, 63.0)
    (across,) = segments_of(two_regions, decoded(TOKENIZER, 1.0, " Both", 3.0), TOKENIZER)
    assert (across.start_s, across.end_s) == (11.0, 61.0)


def test_with_word_timestamps_a_segment_spans_its_words() -> None:
    text = decoded(TOKENIZER, 0.0, " Hello there", 4.0, 4.0, " now", 5.0)
    times_s = np.array([0.5, 1.0, 2.0, 4.5])
    one, two = segments_of(window(10, 20), text, TOKENIZER, times_s)
    assert [(word.start_s, word.end_s) for word in one.words] == [(10.5, 11.0), (11.0, 12.0)]
    assert (one.start_s, one.end_s) == (10.5, 12.0)
    assert (two.start_s, two.end_s) == (12.0, 14.5)
