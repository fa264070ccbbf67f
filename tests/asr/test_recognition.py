"""Openai-whisper's rules around a decoding: when to try again, what is silence, where to go on.

The decoding itself is a script here: what comes back is laid down for each window, by its start.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from lab.asr import recognition
from lab.asr.audio_context import SHORT_AUDIO_CTX, audio_ctx_for
from lab.asr.decoding import Decoded
from lab.asr.engine import Engine
from lab.asr.options import TranscribeOptions
from lab.asr.recognition import Passage, Recognizer
from lab.asr.speech import Region, Window
from lab.audio import SAMPLE_RATE
from lab.core.progress import Cancelled
from lab.transcripts import Segment
from tests.support.decodings import decoded
from tests.support.scripted import Asked, Script

REPEATED = " ha" * 60
SAMPLES = np.zeros(100 * SAMPLE_RATE, np.float32)
FULL = 1500


class Recording(Script):
    """A script for the windows of a recording."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, self._next)
        self.answers: dict[float, list[Decoded]] = {}

    def _next(self, passage: Passage) -> Decoded:
        assert passage.left is not None
        return self.answers[passage.left.start_s].pop(0)

    def decoded(self, *parts: str | float, **fields: Any) -> Decoded:
        return decoded(self.engine.tokenizer("en"), *parts, **fields)

    def recognizer(
        self,
        options: TranscribeOptions | None = None,
        *,
        on_step: Callable[[], None] = lambda: None,
        min_audio_ctx: int = FULL,
    ) -> Recognizer:
        return Recognizer(
            self.engine,
            self.engine.tokenizer("en"),
            options or TranscribeOptions(),
            on_step=on_step,
            min_audio_ctx=min_audio_ctx,
        )

    def segments(
        self,
        *passages: Passage,
        options: TranscribeOptions | None = None,
        min_audio_ctx: int = FULL,
    ) -> list[Segment]:
        recognizer = self.recognizer(options, min_audio_ctx=min_audio_ctx)
        read = list(recognizer.read(passages))
        assert read == list(passages)
        assert all(passage.left is None for passage in read)
        assert not any(self.answers.values()), "fewer decodings than expected"
        return [segment for passage in read for segment in passage.segments]


@pytest.fixture
def script(tiny_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Recording:
    script = Recording(tiny_engine)
    script.play(monkeypatch)
    return script


def passage(start_s: float, end_s: float) -> Passage:
    region = Region(round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE))
    return Passage(Window((region,)), SAMPLES)


def texts(segments: Sequence[Segment]) -> list[str]:
    return [segment.text for segment in segments]


# --- trying again ---


def test_a_good_text_is_taken_at_once(script: Recording) -> None:
    script.answers = {0: [script.decoded(0.0, " Good", 4.0)]}
    assert texts(script.segments(passage(0, 4))) == [" Good"]
    assert script.asked == [Asked(0, 0.0, FULL)]


BAD = [
    (REPEATED, {}),
    (" A guess", {"avg_logprob": -1.01}),
    (" Cut off", {"finished": False}),
]


@pytest.mark.parametrize(("text", "fields"), BAD)
def test_a_text_that_is_bad_is_decoded_again_at_the_next_temperature(
    text: str, fields: dict[str, Any], script: Recording
) -> None:
    script.answers = {
        0: [script.decoded(0.0, text, 4.0, **fields), script.decoded(0.0, " Good", 4.0)]
    }
    (segment,) = script.segments(passage(0, 4))
    assert (segment.text, segment.temperature) == (" Good", 0.2)
    assert script.asked == [Asked(0, 0.0, FULL), Asked(0, 0.2, FULL)]


def test_only_the_windows_that_failed_are_decoded_again(script: Recording) -> None:
    script.answers = {
        0: [script.decoded(0.0, " One", 4.0)],
        10: [script.decoded(0.0, REPEATED, 4.0), script.decoded(0.0, " Two", 4.0)],
        20: [script.decoded(0.0, " Three", 4.0)],
    }
    found = script.segments(passage(0, 4), passage(10, 14), passage(20, 24))
    assert texts(found) == [" One", " Two", " Three"]
    assert [segment.start_s for segment in found] == [0.0, 10.0, 20.0]
    assert [one.start_s for one in script.asked] == [0, 10, 20, 10]


def test_where_every_temperature_fails_the_likeliest_text_without_repetition_stays(
    script: Recording,
) -> None:
    script.answers = {
        0: [
            script.decoded(0.0, REPEATED, 4.0, avg_logprob=-0.1),
            script.decoded(0.0, " Poor", 4.0, avg_logprob=-2.0),
            script.decoded(0.0, " Best", 4.0, avg_logprob=-1.5),
            script.decoded(0.0, " Last", 4.0, avg_logprob=-3.0),
        ]
    }
    options = TranscribeOptions(temperatures=(0.0, 0.2, 0.4, 0.6))
    assert texts(script.segments(passage(0, 4), options=options)) == [" Best"]


def test_where_everything_repeats_itself_the_likeliest_text_stays(script: Recording) -> None:
    script.answers = {
        0: [
            script.decoded(0.0, REPEATED, 4.0, avg_logprob=-0.5),
            script.decoded(0.0, REPEATED, 4.0, avg_logprob=-0.2),
        ]
    }
    options = TranscribeOptions(temperatures=(0.0, 0.2))
    (segment,) = script.segments(passage(0, 4), options=options)
    assert segment.temperature == 0.2


def test_silence_is_neither_decoded_again_nor_written_down(script: Recording) -> None:
    script.answers = {
        0: [script.decoded(0.0, " Thank you.", 4.0, no_speech_prob=0.7, avg_logprob=-1.2)],
        5: [script.decoded(0.0, " Good", 4.0)],
    }
    assert texts(script.segments(passage(0, 4), passage(5, 9))) == [" Good"]


def test_a_sure_text_is_no_silence(script: Recording) -> None:
    script.answers = {0: [script.decoded(0.0, " Good", 4.0, no_speech_prob=0.9)]}
    assert texts(script.segments(passage(0, 4))) == [" Good"]


def test_the_prompt_and_the_beam_size_are_given_to_the_decoder(script: Recording) -> None:
    options = TranscribeOptions(prompt="  Prizren, Gjakovë ", beam_size=3, batch_size=5)
    script.recognizer(options)
    assert script.options["prompt"] == script.engine.tokenizer("en").encode(" Prizren, Gjakovë")
    assert (script.options["beam_size"], script.options["capacity"]) == (3, 5)
    script.recognizer(TranscribeOptions(prompt="<|endoftext|>"))  # from an older transcript
    assert script.engine.tokenizer("en").eot not in script.options["prompt"]


# --- going on where the text ended early ---


def test_what_the_text_left_out_is_decoded_as_a_window_of_its_own(script: Recording) -> None:
    script.answers = {
        0: [script.decoded(0.0, " One", 10.0)],
        10: [script.decoded(0.0, " Two", 9.9)],
        30: [script.decoded(0.0, " Three", 19.5)],
    }
    found = script.segments(passage(0, 20), passage(30, 50))
    assert texts(found) == [" One", " Two", " Three"]
    assert [(segment.start_s, segment.end_s) for segment in found] == [
        (0.0, 10.0),
        (10.0, 19.9),
        (30.0, 49.5),
    ]


def test_the_rest_begins_at_the_last_timestamp_and_may_leave_another_rest(
    script: Recording,
) -> None:
    script.answers = {
        0: [script.decoded(0.0, " One", 4.0, 5.0)],  # ended with the start of something
        5: [script.decoded(0.0, " Two", 5.0)],
        10: [script.decoded(0.0, " Three", 10.0)],
    }
    found = script.segments(passage(0, 20))
    assert texts(found) == [" One", " Two", " Three"]
    assert [segment.start_s for segment in found] == [0.0, 5.0, 10.0]
    assert [segment.window_start_s for segment in found] == [0.0, 5.0, 10.0]


def test_a_rest_is_heard_in_a_short_context_if_it_fits_and_else_in_the_full_one(
    script: Recording,
) -> None:
    script.answers = {
        0: [script.decoded(0.0, " One", 5.0)],
        5: [script.decoded(0.0, " Two", 10.0)],
        15: [script.decoded(0.0, " Three", 5.0)],
    }
    script.segments(passage(0, 20))
    assert script.asked == [Asked(0, 0.0, FULL), Asked(5, 0.0, FULL), Asked(15, 0.0, 300)]


def test_a_rest_that_fails_in_a_short_context_is_heard_again_in_the_full_one(
    script: Recording,
) -> None:
    script.answers = {
        0: [script.decoded(0.0, REPEATED, 12.0), script.decoded(0.0, " One", 12.0)],
        12: [
            script.decoded(0.0, REPEATED, 8.0),
            script.decoded(0.0, REPEATED, 8.0),
            script.decoded(0.0, " Two", 8.0),
        ],
    }
    found = script.segments(passage(0, 20))
    assert [(one.text, one.temperature) for one in found] == [(" One", 0.2), (" Two", 0.2)]
    assert [(one.temperature, one.positions) for one in script.asked[2:]] == [
        (0.0, 450),
        (0.0, FULL),
        (0.2, FULL),
    ]


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
    parts: tuple[str | float, ...], script: Recording
) -> None:
    script.answers = {0: [script.decoded(*parts)]}
    assert len(script.segments(passage(0, 20))) == (len(parts) > 1)


def test_a_model_whose_times_hardly_advance_comes_to_an_end(script: Recording) -> None:
    script.answers = {n / 2: [script.decoded(0.0, " One", 0.5)] for n in range(16)}
    assert len(script.segments(passage(0, 20))) == 16


# --- short contexts ---


@pytest.mark.parametrize(
    ("duration_s", "shortest", "expected"),
    [
        (0.5, 600, 600),
        (11.0, 600, 600),
        (11.1, 600, 650),
        (25.9, 600, 1350),
        (27.0, 600, 1400),
        (27.9, 600, 1500),
        (30.0, 600, 1500),
        (1.0, 100, 100),
        (1.1, 100, 150),
        (1.0, 1500, 1500),
    ],
)
def test_a_context_goes_on_a_second_after_the_end_of_the_speech(
    duration_s: float, shortest: int, expected: int
) -> None:
    assert audio_ctx_for(round(duration_s * SAMPLE_RATE), shortest) == expected


def test_a_short_passage_is_heard_in_a_short_context(script: Recording) -> None:
    script.answers = {
        start_s: [script.decoded(0.0, " Good", length_s)]
        for start_s, length_s in ((0, 4.0), (10, 13.0), (30, 30.0))
    }
    passages = (passage(0, 4), passage(10, 23), passage(30, 60))
    assert len(script.segments(*passages, min_audio_ctx=SHORT_AUDIO_CTX)) == 3
    assert {one.start_s: one.positions for one in script.asked} == {0: 250, 10: 700, 30: FULL}


@pytest.mark.parametrize(
    ("most", "expected"), [(None, {0: 60, 2: None}), (90, {0: 60, 2: 90}), (9, {0: 9, 2: 9})]
)
def test_a_loop_ends_soon_in_a_short_context_or_if_asked_to(
    script: Recording, most: int | None, expected: dict[float, int | None]
) -> None:
    script.answers = {
        0: [script.decoded(0.0, " Good", 1.0)],
        2: [script.decoded(0.0, " Good", 30.0)],
    }
    options = TranscribeOptions(max_tokens=most)
    script.segments(passage(0, 1), passage(2, 32), options=options, min_audio_ctx=100)
    assert {one.start_s: one.max_tokens for one in script.asked} == expected


SILENCE: dict[str, Any] = {"no_speech_prob": 0.7, "avg_logprob": -1.2}


@pytest.mark.parametrize(
    ("text", "end_s", "fields"),
    [
        *((text, 8.0, fields) for text, fields in BAD),
        (" Thank you.", 8.0, SILENCE),
        (" G", 4.0, {}),
    ],
    ids=["repeats itself", "guesses", "is cut off", "looks like silence", "leaves a rest"],
)
def test_what_fails_or_is_short_in_a_short_context_is_heard_again_in_the_full_one(
    text: str, end_s: float, fields: dict[str, Any], script: Recording
) -> None:
    script.answers = {
        0: [script.decoded(0.0, text, end_s, **fields), script.decoded(0.0, " Good", 8.0)]
    }
    found = script.segments(passage(0, 8), min_audio_ctx=SHORT_AUDIO_CTX)
    assert texts(found) == [" Good"]
    assert script.asked == [Asked(0, 0.0, 450), Asked(0, 0.0, FULL)]


def test_what_was_said_in_a_short_context_does_not_count_in_the_full_one(
    script: Recording,
) -> None:
    script.answers = {
        0: [
            script.decoded(0.0, " Short", 8.0, avg_logprob=-1.1),
            script.decoded(0.0, " Full", 8.0, avg_logprob=-1.2),
            script.decoded(0.0, " Worse", 8.0, avg_logprob=-1.3),
        ]
    }
    options = TranscribeOptions(temperatures=(0.0, 0.2))
    found = script.segments(passage(0, 8), options=options, min_audio_ctx=SHORT_AUDIO_CTX)
    assert texts(found) == [" Full"]


# --- side by side ---


def test_passages_come_in_order_even_if_later_ones_end_first(script: Recording) -> None:
    script.takes = lambda one: {0: 5, 10: 1, 20: 3}[round(one.window.start_s)]
    passages = [passage(start_s, start_s + 4) for start_s in (0, 10, 20)]
    script.answers = {start_s: [script.decoded(0.0, " a", 4.0)] for start_s in (0, 10, 20)}
    assert list(script.recognizer().read(passages)) == passages
    assert script.ended == [passages[1], passages[2], passages[0]]


def test_where_one_ends_the_next_one_begins(script: Recording) -> None:
    starts_s = range(0, 60, 10)
    script.takes = lambda one: 5 if one.window.start_s == 0 else 1
    script.answers = {start_s: [script.decoded(0.0, " a", 4.0)] for start_s in starts_s}
    script.segments(
        *(passage(start_s, start_s + 4) for start_s in starts_s),
        options=TranscribeOptions(batch_size=2),
    )
    # One place is taken by the long one for all of the time; the five others share the second.
    assert script.steps == 5


def test_what_has_to_be_done_again_comes_before_what_is_new(script: Recording) -> None:
    script.answers = {
        0: [script.decoded(0.0, REPEATED, 2.0), script.decoded(0.0, " One", 2.0)],
        2: [script.decoded(0.0, " Rest", 2.0)],
        10: [script.decoded(0.0, " Two", 4.0)],
    }
    found = script.segments(passage(0, 4), passage(10, 14), options=TranscribeOptions(batch_size=1))
    assert texts(found) == [" One", " Rest", " Two"]
    assert [one.start_s for one in script.asked] == [0, 0, 2, 10]


def test_no_more_passages_are_taken_than_there_is_room_for(script: Recording) -> None:
    taken: list[Passage] = []

    def endless() -> Iterator[Passage]:
        for number in count():
            taken.append(passage(number, number + 1))
            yield taken[-1]

    script.say = lambda _passage: script.decoded(0.0, " a", 1.0)
    reading = script.recognizer(TranscribeOptions(batch_size=3)).read(endless())
    assert taken == []
    assert next(reading) is taken[0]
    assert len(taken) == 3


def test_others_may_use_the_engine_between_two_steps_and_on_step_may_stop_the_work(
    script: Recording,
) -> None:
    script.takes = lambda _passage: 10
    script.say = lambda _passage: script.decoded(0.0, " a", 4.0)
    steps = 0

    def on_step() -> None:
        nonlocal steps
        assert not script.engine.lock.locked()
        steps += 1
        if steps == 8:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(script.recognizer(on_step=on_step).read([passage(0, 4)]))
    # One encoding, and all but the last were tokens.
    assert script.steps == 7
    assert not script.engine.lock.locked()


# --- word times ---


def test_word_times_are_found_in_what_the_passage_was_heard_in(
    script: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[int, float]] = []

    def token_timestamps(
        _network: object, _tokenizer: object, features: Tensor, text: list[int], duration_s: float
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        assert script.engine.lock.locked()
        heard.append((len(features), duration_s))
        return np.linspace(0, duration_s, len(text) + 1)

    monkeypatch.setattr(recognition, "token_timestamps", token_timestamps)
    silence = script.decoded(0.0, " Thank you.", 4.0, **SILENCE)
    script.answers = {
        0: [script.decoded(0.0, " One two", 4.0)],
        10: [script.decoded(0.0, REPEATED, 9.0), script.decoded(0.0, " Three", 20.0)],
        40: [silence, silence],
        50: [replace(silence, tokens=(), token_logprobs=())] * 2,
    }
    one, two = script.segments(
        *(passage(0, 4), passage(10, 30), passage(40, 44), passage(50, 54)),
        options=TranscribeOptions(word_timestamps=True),
        min_audio_ctx=SHORT_AUDIO_CTX,
    )
    assert sorted(heard) == [(250, 4.0), (FULL, 20.0)]
    assert [(word.start_s, word.end_s) for word in one.words] == [(0.0, 2.0), (2.0, 4.0)]
    assert (two.start_s, two.end_s) == (10.0, 30.0)
