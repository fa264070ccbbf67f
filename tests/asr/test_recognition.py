"""Openai-whisper's rules around a decoding: when to try again, what is silence, where to go on.

The decoding itself is a script here: what comes back is laid down for each call.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from lab.asr import recognition
from lab.asr.decoding import Decoded, Search
from lab.asr.engine import Engine
from lab.asr.options import TranscribeOptions
from lab.asr.recognition import Recognizer, segments_of
from lab.asr.speech import Region, Window
from lab.audio import SAMPLE_RATE
from lab.transcript import Segment

REPEATED = " ha" * 60


def window(start_s: float, end_s: float) -> Window:
    return Window((Region(round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE)),))


@dataclass
class Script:
    """Takes the place of `decode`: gives what is laid down, and keeps what it was asked for."""

    engine: Engine
    answers: list[list[Decoded]]
    searches: list[Search] = field(default_factory=list)
    prompts: list[Sequence[int]] = field(default_factory=list)

    def __call__(self, *call: Any, search: Search, prompt: Sequence[int], **_: Any) -> Any:
        self.searches.append(search)
        self.prompts.append(prompt)
        answer = self.answers.pop(0)
        assert len(call[2]) == len(answer), "another number of windows was expected"
        return answer

    def decoded(self, *parts: str | float, **fields: Any) -> Decoded:
        """A result whose text is made of texts and timestamps in seconds, such as 0.0, " a", 1.0"""
        tokenizer = self.engine.tokenizer("en")
        tokens: list[int] = []
        for part in parts:
            if isinstance(part, str):
                tokens += tokenizer.encode(part)
            else:
                tokens.append(tokenizer.timestamp_begin + round(part / 0.02))
        defaults: dict[str, Any] = {
            "tokens": tuple(tokens),
            "token_logprobs": (-0.1,) * len(tokens),
            "text": "".join(part for part in parts if isinstance(part, str)).strip(),
            "avg_logprob": -0.1,
            "no_speech_prob": 0.0,
            "temperature": 0.0,
            "finished": True,
        }
        return Decoded(**{**defaults, **fields})

    def segments(self, *windows: Window, options: TranscribeOptions | None = None) -> list[Segment]:
        samples = np.zeros(100 * SAMPLE_RATE, np.float32)
        shares: list[float] = []
        recognizer = Recognizer(
            self.engine, self.engine.tokenizer("en"), samples, options or TranscribeOptions()
        )
        with torch.inference_mode():
            found = recognizer.segments(windows, on_share=shares.append)
        assert self.answers == [], "fewer calls than expected"
        assert all(0 <= share <= 1 for share in shares)
        return found

    @property
    def temperatures(self) -> list[float]:
        return [search.temperature for search in self.searches]


@pytest.fixture
def script(tiny_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Script:
    script = Script(tiny_engine, [])
    monkeypatch.setattr(recognition, "decode", script)
    return script


def texts(segments: Sequence[Segment]) -> list[str]:
    return [segment.text for segment in segments]


# --- trying again ---


def test_a_good_text_is_taken_at_once(script: Script) -> None:
    script.answers = [[script.decoded(0.0, " Good", 4.0)]]
    assert texts(script.segments(window(0, 4))) == [" Good"]
    assert script.temperatures == [0.0]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("repeats itself", {}),
        ("is a guess", {"avg_logprob": -1.01}),
        ("is cut off", {"finished": False}),
    ],
)
def test_a_text_that_is_bad_is_decoded_again_at_the_next_temperature(
    kind: str, fields: dict[str, Any], script: Script
) -> None:
    text = REPEATED if kind == "repeats itself" else " Bad"
    script.answers = [
        [script.decoded(0.0, text, 4.0, **fields)],
        [script.decoded(0.0, " Good", 4.0, temperature=0.2)],
    ]
    (segment,) = script.segments(window(0, 4))
    assert (segment.text, segment.temperature) == (" Good", 0.2)
    assert script.temperatures == [0.0, 0.2]


def test_only_the_windows_that_failed_are_decoded_again(script: Script) -> None:
    script.answers = [
        [script.decoded(0.0, text, 4.0) for text in (" One", REPEATED, " Three")],
        [script.decoded(0.0, " Two", 4.0)],
    ]
    found = script.segments(window(0, 4), window(10, 14), window(20, 24))
    assert texts(found) == [" One", " Two", " Three"]
    assert [segment.start_s for segment in found] == [0.0, 10.0, 20.0]


def test_where_every_temperature_fails_the_likeliest_text_without_repetition_stays(
    script: Script,
) -> None:
    script.answers = [
        [script.decoded(0.0, REPEATED, 4.0, avg_logprob=-0.1)],
        [script.decoded(0.0, " Poor", 4.0, avg_logprob=-2.0)],
        [script.decoded(0.0, " Best", 4.0, avg_logprob=-1.5)],
        [script.decoded(0.0, " Last", 4.0, avg_logprob=-3.0)],
    ]
    options = TranscribeOptions(temperatures=(0.0, 0.2, 0.4, 0.6))
    assert texts(script.segments(window(0, 4), options=options)) == [" Best"]


def test_where_everything_repeats_itself_the_likeliest_text_stays(script: Script) -> None:
    script.answers = [
        [script.decoded(0.0, REPEATED, 4.0, avg_logprob=-0.5)],
        [script.decoded(0.0, REPEATED, 4.0, avg_logprob=-0.2, temperature=0.2)],
    ]
    options = TranscribeOptions(temperatures=(0.0, 0.2))
    (segment,) = script.segments(window(0, 4), options=options)
    assert segment.temperature == 0.2


def test_silence_is_neither_decoded_again_nor_written_down(script: Script) -> None:
    silence = script.decoded(0.0, " Thank you.", 4.0, no_speech_prob=0.7, avg_logprob=-1.2)
    script.answers = [[silence, script.decoded(0.0, " Good", 4.0)]]
    assert texts(script.segments(window(0, 4), window(5, 9))) == [" Good"]


def test_a_sure_text_is_no_silence(script: Script) -> None:
    script.answers = [[script.decoded(0.0, " Good", 4.0, no_speech_prob=0.9)]]
    assert texts(script.segments(window(0, 4))) == [" Good"]


def test_the_prompt_is_given_to_every_decoding(script: Script) -> None:
    script.answers = [
        [script.decoded(0.0, REPEATED, 4.0)],
        [script.decoded(0.0, " Good", 4.0)],
    ]
    options = TranscribeOptions(prompt="  Prizren, Gjakovë ", beam_size=3)
    script.segments(window(0, 4), options=options)
    expected = script.engine.tokenizer("en").encode(" Prizren, Gjakovë")
    assert script.prompts == [expected, expected]
    assert [search.beam_size for search in script.searches] == [3, 3]


# --- going on where the text ended early ---


def test_what_the_text_left_out_is_decoded_as_a_window_of_its_own(script: Script) -> None:
    script.answers = [
        [script.decoded(0.0, " One", 10.0), script.decoded(0.0, " Three", 19.5)],
        [script.decoded(0.0, " Two", 9.9)],
    ]
    found = script.segments(window(0, 20), window(30, 50))
    assert texts(found) == [" One", " Two", " Three"]
    assert [(segment.start_s, segment.end_s) for segment in found] == [
        (0.0, 10.0),
        (10.0, 19.9),
        (30.0, 49.5),
    ]


def test_the_rest_begins_at_the_last_timestamp_and_may_leave_another_rest(script: Script) -> None:
    script.answers = [
        [script.decoded(0.0, " One", 4.0, 5.0)],  # ended with the start of something
        [script.decoded(0.0, " Two", 5.0)],
        [script.decoded(0.0, " Three", 10.0)],
    ]
    found = script.segments(window(0, 20))
    assert texts(found) == [" One", " Two", " Three"]
    assert [segment.start_s for segment in found] == [0.0, 5.0, 10.0]
    assert [segment.window_start_s for segment in found] == [0.0, 5.0, 10.0]


@pytest.mark.parametrize(
    "parts",
    [
        (0.0, " To the end", 19.2),
        (0.0, " Without a last timestamp"),
        (0.0,),  # nothing was read, and again nothing would be
        (),
    ],
)
def test_nothing_is_decoded_on_without_a_rest_worth_it(
    parts: tuple[str | float, ...], script: Script
) -> None:
    script.answers = [[script.decoded(*parts)]]
    assert len(script.segments(window(0, 20))) == (len(parts) > 1)


# --- the segments of one window ---


def test_segments_stand_between_their_timestamps(script: Script) -> None:
    decoded = script.decoded(0.2, " Hello there.", 2.0, 2.5, " Mirë.", 4.0, avg_logprob=-0.4)
    one, two = segments_of(window(100, 104), decoded, script.engine.tokenizer("en"))
    assert (one.start_s, one.end_s, one.text) == (100.2, 102.0, " Hello there.")
    assert (two.start_s, two.end_s, two.text) == (102.5, 104.0, " Mirë.")
    assert one.avg_logprob == two.avg_logprob == -0.4
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
    parts: tuple[str | float, ...], expected: list[tuple[float, float]], script: Script
) -> None:
    tokenizer = script.engine.tokenizer("en")
    found = segments_of(window(50, 54), script.decoded(*parts), tokenizer)
    assert [(segment.start_s, segment.end_s) for segment in found] == expected


def test_a_segment_across_a_pause_that_was_cut_out_covers_it(script: Script) -> None:
    two_regions = Window((*window(10, 12).regions, *window(60, 63).regions))
    decoded = script.decoded(0.0, " One", 2.0, 2.0, " Two", 5.0)
    one, two = segments_of(two_regions, decoded, script.engine.tokenizer("en"))
    assert (one.start_s, one.end_s) == (10.0, 12.0)
    assert (two.start_s, two.end_s) == (60.0, 63.0)
    (across,) = segments_of(
        two_regions, script.decoded(1.0, " Both", 3.0), script.engine.tokenizer("en")
    )
    assert (across.start_s, across.end_s) == (11.0, 61.0)


def test_with_word_times_a_segment_lasts_from_its_first_word_to_its_last(script: Script) -> None:
    decoded = script.decoded(0.0, " Hello there", 4.0, 4.0, " now", 5.0)
    times_s = np.array([0.5, 1.0, 2.0, 4.5])
    one, two = segments_of(window(10, 20), decoded, script.engine.tokenizer("en"), times_s)
    assert [(word.start_s, word.end_s) for word in one.words] == [(10.5, 11.0), (11.0, 12.0)]
    assert (one.start_s, one.end_s) == (10.5, 12.0)
    assert (two.start_s, two.end_s) == (12.0, 14.5)
