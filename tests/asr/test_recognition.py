"""openai-whisper's rules around decoding: temperature fallback, silence, continuations.

The decoding itself is scripted here: results are given for each window, by its start.
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
from lab.asr.decoding import DecodedWindow
from lab.asr.engine import Engine
from lab.asr.options import TranscribeOptions
from lab.asr.recognition import Recognizer, WindowState
from lab.asr.speech import Region, Window
from lab.audio import SAMPLE_RATE
from lab.core.progress import Cancelled
from lab.transcripts import Segment
from tests.support.decodings import decoded
from tests.support.scripted import DecodingCall, Script

REPEATED = " ha" * 60
SAMPLES = np.zeros(100 * SAMPLE_RATE, np.float32)
FULL = 1500


class RecordingScript(Script):
    """Results for the windows of a recording, by the window's start."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, self._next)
        self.scripted: dict[float, list[DecodedWindow]] = {}

    def _next(self, state: WindowState) -> DecodedWindow:
        assert state.remaining is not None
        return self.scripted[state.remaining.start_s].pop(0)

    def decoded(self, *parts: str | float, **fields: Any) -> DecodedWindow:
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
        *windows: WindowState,
        options: TranscribeOptions | None = None,
        min_audio_ctx: int = FULL,
    ) -> list[Segment]:
        recognizer = self.recognizer(options, min_audio_ctx=min_audio_ctx)
        transcribed = list(recognizer.transcribe(windows))
        assert transcribed == list(windows)
        assert all(state.remaining is None for state in transcribed)
        assert not any(self.scripted.values()), "fewer decodings than expected"
        return [segment for state in transcribed for segment in state.segments]


@pytest.fixture
def script(tiny_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> RecordingScript:
    script = RecordingScript(tiny_engine)
    script.install(monkeypatch)
    return script


def window(start_s: float, end_s: float) -> WindowState:
    region = Region(round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE))
    return WindowState(Window((region,)), SAMPLES)


def texts(segments: Sequence[Segment]) -> list[str]:
    return [segment.text for segment in segments]


# --- temperature fallback ---


def test_a_good_text_is_accepted_at_once(script: RecordingScript) -> None:
    script.scripted = {0: [script.decoded(0.0, " Good", 4.0)]}
    assert texts(script.segments(window(0, 4))) == [" Good"]
    assert script.calls == [DecodingCall(0, 0.0, FULL)]


BAD = [
    (REPEATED, {}),
    (" A guess", {"avg_logprob": -1.01}),
    (" Cut off", {"finished": False}),
]


@pytest.mark.parametrize(("text", "fields"), BAD)
def test_a_text_that_fails_is_decoded_again_at_the_next_temperature(
    text: str, fields: dict[str, Any], script: RecordingScript
) -> None:
    script.scripted = {
        0: [script.decoded(0.0, text, 4.0, **fields), script.decoded(0.0, " Good", 4.0)]
    }
    (segment,) = script.segments(window(0, 4))
    assert (segment.text, segment.temperature) == (" Good", 0.2)
    assert script.calls == [DecodingCall(0, 0.0, FULL), DecodingCall(0, 0.2, FULL)]


def test_only_the_windows_that_failed_are_decoded_again(script: RecordingScript) -> None:
    script.scripted = {
        0: [script.decoded(0.0, " One", 4.0)],
        10: [script.decoded(0.0, REPEATED, 4.0), script.decoded(0.0, " Two", 4.0)],
        20: [script.decoded(0.0, " Three", 4.0)],
    }
    segments = script.segments(window(0, 4), window(10, 14), window(20, 24))
    assert texts(segments) == [" One", " Two", " Three"]
    assert [segment.start_s for segment in segments] == [0.0, 10.0, 20.0]
    assert [call.start_s for call in script.calls] == [0, 10, 20, 10]


def test_if_all_temperatures_fail_the_likeliest_non_repetitive_text_is_used(
    script: RecordingScript,
) -> None:
    script.scripted = {
        0: [
            script.decoded(0.0, REPEATED, 4.0, avg_logprob=-0.1),
            script.decoded(0.0, " Poor", 4.0, avg_logprob=-2.0),
            script.decoded(0.0, " Best", 4.0, avg_logprob=-1.5),
            script.decoded(0.0, " Last", 4.0, avg_logprob=-3.0),
        ]
    }
    options = TranscribeOptions(temperatures=(0.0, 0.2, 0.4, 0.6))
    assert texts(script.segments(window(0, 4), options=options)) == [" Best"]


def test_if_all_texts_are_repetitive_the_likeliest_is_used(script: RecordingScript) -> None:
    script.scripted = {
        0: [
            script.decoded(0.0, REPEATED, 4.0, avg_logprob=-0.5),
            script.decoded(0.0, REPEATED, 4.0, avg_logprob=-0.2),
        ]
    }
    options = TranscribeOptions(temperatures=(0.0, 0.2))
    (segment,) = script.segments(window(0, 4), options=options)
    assert segment.temperature == 0.2


def test_silence_has_no_fallback_and_no_segment(script: RecordingScript) -> None:
    script.scripted = {
        0: [script.decoded(0.0, " Thank you.", 4.0, no_speech_prob=0.7, avg_logprob=-1.2)],
        5: [script.decoded(0.0, " Good", 4.0)],
    }
    assert texts(script.segments(window(0, 4), window(5, 9))) == [" Good"]


def test_a_confident_text_is_not_silence(script: RecordingScript) -> None:
    script.scripted = {0: [script.decoded(0.0, " Good", 4.0, no_speech_prob=0.9)]}
    assert texts(script.segments(window(0, 4))) == [" Good"]


def test_prompt_and_beam_size_are_passed_to_the_decoder(script: RecordingScript) -> None:
    options = TranscribeOptions(prompt="  Prizren, Gjakovë ", beam_size=3, batch_size=5)
    script.recognizer(options)
    assert script.options["prompt"] == script.engine.tokenizer("en").encode(" Prizren, Gjakovë")
    assert (script.options["beam_size"], script.options["capacity"]) == (3, 5)
    script.recognizer(TranscribeOptions(prompt="<|endoftext|>"))  # from an older transcript
    assert script.engine.tokenizer("en").eot not in script.options["prompt"]


# --- continuations ---


def test_the_rest_of_a_window_is_decoded_as_a_continuation(script: RecordingScript) -> None:
    script.scripted = {
        0: [script.decoded(0.0, " One", 10.0)],
        10: [script.decoded(0.0, " Two", 9.9)],
        30: [script.decoded(0.0, " Three", 19.5)],
    }
    segments = script.segments(window(0, 20), window(30, 50))
    assert texts(segments) == [" One", " Two", " Three"]
    assert [(segment.start_s, segment.end_s) for segment in segments] == [
        (0.0, 10.0),
        (10.0, 19.9),
        (30.0, 49.5),
    ]


def test_a_continuation_starts_at_the_last_timestamp_and_may_have_another(
    script: RecordingScript,
) -> None:
    script.scripted = {
        0: [script.decoded(0.0, " One", 4.0, 5.0)],  # ended with the start of something
        5: [script.decoded(0.0, " Two", 5.0)],
        10: [script.decoded(0.0, " Three", 10.0)],
    }
    segments = script.segments(window(0, 20))
    assert texts(segments) == [" One", " Two", " Three"]
    assert [segment.start_s for segment in segments] == [0.0, 5.0, 10.0]
    assert [segment.window_start_s for segment in segments] == [0.0, 5.0, 10.0]


def test_a_continuation_uses_a_short_context_if_it_fits_and_else_the_full_one(
    script: RecordingScript,
) -> None:
    script.scripted = {
        0: [script.decoded(0.0, " One", 5.0)],
        5: [script.decoded(0.0, " Two", 10.0)],
        15: [script.decoded(0.0, " Three", 5.0)],
    }
    script.segments(window(0, 20))
    assert script.calls == [
        DecodingCall(0, 0.0, FULL),
        DecodingCall(5, 0.0, FULL),
        DecodingCall(15, 0.0, 300),
    ]


def test_a_continuation_that_fails_in_a_short_context_uses_the_full_one(
    script: RecordingScript,
) -> None:
    script.scripted = {
        0: [script.decoded(0.0, REPEATED, 12.0), script.decoded(0.0, " One", 12.0)],
        12: [
            script.decoded(0.0, REPEATED, 8.0),
            script.decoded(0.0, REPEATED, 8.0),
            script.decoded(0.0, " Two", 8.0),
        ],
    }
    segments = script.segments(window(0, 20))
    assert [(segment.text, segment.temperature) for segment in segments] == [
        (" One", 0.2),
        (" Two", 0.2),
    ]
    assert [(call.temperature, call.audio_ctx) for call in script.calls[2:]] == [
        (0.0, 450),
        (0.0, FULL),
        (0.2, FULL),
    ]


@pytest.mark.parametrize(
    "parts",
    [
        (0.0, " To the end", 19.2),
        (0.0, " Without a last timestamp"),
        (0.0,),  # a continuation would start at the same time
        (),
    ],
)
def test_there_is_no_continuation_without_enough_audio_left(
    parts: tuple[str | float, ...], script: RecordingScript
) -> None:
    script.scripted = {0: [script.decoded(*parts)]}
    assert len(script.segments(window(0, 20))) == (len(parts) > 1)


def test_the_number_of_continuations_is_limited(script: RecordingScript) -> None:
    script.scripted = {n / 2: [script.decoded(0.0, " One", 0.5)] for n in range(16)}
    assert len(script.segments(window(0, 20))) == 16


# --- short audio contexts ---


@pytest.mark.parametrize(
    ("duration_s", "min_audio_ctx", "expected"),
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
def test_an_audio_context_extends_a_second_past_the_end_of_the_speech(
    duration_s: float, min_audio_ctx: int, expected: int
) -> None:
    assert audio_ctx_for(round(duration_s * SAMPLE_RATE), min_audio_ctx) == expected


def test_a_short_window_uses_a_short_context(script: RecordingScript) -> None:
    script.scripted = {
        start_s: [script.decoded(0.0, " Good", length_s)]
        for start_s, length_s in ((0, 4.0), (10, 13.0), (30, 30.0))
    }
    windows = (window(0, 4), window(10, 23), window(30, 60))
    assert len(script.segments(*windows, min_audio_ctx=SHORT_AUDIO_CTX)) == 3
    assert {call.start_s: call.audio_ctx for call in script.calls} == {0: 250, 10: 700, 30: FULL}


@pytest.mark.parametrize(
    ("max_tokens", "expected"), [(None, {0: 60, 2: None}), (90, {0: 60, 2: 90}), (9, {0: 9, 2: 9})]
)
def test_the_number_of_tokens_is_limited_in_a_short_context_or_by_the_options(
    script: RecordingScript, max_tokens: int | None, expected: dict[float, int | None]
) -> None:
    script.scripted = {
        0: [script.decoded(0.0, " Good", 1.0)],
        2: [script.decoded(0.0, " Good", 30.0)],
    }
    options = TranscribeOptions(max_tokens=max_tokens)
    script.segments(window(0, 1), window(2, 32), options=options, min_audio_ctx=100)
    assert {call.start_s: call.max_tokens for call in script.calls} == expected


SILENCE: dict[str, Any] = {"no_speech_prob": 0.7, "avg_logprob": -1.2}


@pytest.mark.parametrize(
    ("text", "end_s", "fields"),
    [
        *((text, 8.0, fields) for text, fields in BAD),
        (" Thank you.", 8.0, SILENCE),
        (" G", 4.0, {}),
    ],
    ids=["repeats itself", "guesses", "is cut off", "looks like silence", "needs a continuation"],
)
def test_a_failure_in_a_short_context_is_decoded_again_with_the_full_one(
    text: str, end_s: float, fields: dict[str, Any], script: RecordingScript
) -> None:
    script.scripted = {
        0: [script.decoded(0.0, text, end_s, **fields), script.decoded(0.0, " Good", 8.0)]
    }
    segments = script.segments(window(0, 8), min_audio_ctx=SHORT_AUDIO_CTX)
    assert texts(segments) == [" Good"]
    assert script.calls == [DecodingCall(0, 0.0, 450), DecodingCall(0, 0.0, FULL)]


def test_results_of_a_short_context_are_discarded_in_the_full_one(
    script: RecordingScript,
) -> None:
    script.scripted = {
        0: [
            script.decoded(0.0, " Short", 8.0, avg_logprob=-1.1),
            script.decoded(0.0, " Full", 8.0, avg_logprob=-1.2),
            script.decoded(0.0, " Worse", 8.0, avg_logprob=-1.3),
        ]
    }
    options = TranscribeOptions(temperatures=(0.0, 0.2))
    segments = script.segments(window(0, 8), options=options, min_audio_ctx=SHORT_AUDIO_CTX)
    assert texts(segments) == [" Full"]


# --- side by side ---


def test_windows_are_yielded_in_order_even_if_later_ones_end_first(
    script: RecordingScript,
) -> None:
    script.n_steps = lambda state: {0: 5, 10: 1, 20: 3}[round(state.window.start_s)]
    windows = [window(start_s, start_s + 4) for start_s in (0, 10, 20)]
    script.scripted = {start_s: [script.decoded(0.0, " a", 4.0)] for start_s in (0, 10, 20)}
    assert list(script.recognizer().transcribe(windows)) == windows
    assert script.done == [windows[1], windows[2], windows[0]]


def test_a_free_slot_is_filled_at_once(script: RecordingScript) -> None:
    starts_s = range(0, 60, 10)
    script.n_steps = lambda state: 5 if state.window.start_s == 0 else 1
    script.scripted = {start_s: [script.decoded(0.0, " a", 4.0)] for start_s in starts_s}
    script.segments(
        *(window(start_s, start_s + 4) for start_s in starts_s),
        options=TranscribeOptions(batch_size=2),
    )
    # The long one occupies a slot all the time; the five others share the second.
    assert script.steps == 5


def test_fallbacks_and_continuations_come_before_new_windows(script: RecordingScript) -> None:
    script.scripted = {
        0: [script.decoded(0.0, REPEATED, 2.0), script.decoded(0.0, " One", 2.0)],
        2: [script.decoded(0.0, " Rest", 2.0)],
        10: [script.decoded(0.0, " Two", 4.0)],
    }
    segments = script.segments(
        window(0, 4), window(10, 14), options=TranscribeOptions(batch_size=1)
    )
    assert texts(segments) == [" One", " Rest", " Two"]
    assert [call.start_s for call in script.calls] == [0, 0, 2, 10]


def test_no_more_windows_are_consumed_than_there_are_slots(script: RecordingScript) -> None:
    consumed: list[WindowState] = []

    def endless() -> Iterator[WindowState]:
        for number in count():
            consumed.append(window(number, number + 1))
            yield consumed[-1]

    script.result = lambda _state: script.decoded(0.0, " a", 1.0)
    transcribed = script.recognizer(TranscribeOptions(batch_size=3)).transcribe(endless())
    assert consumed == []
    assert next(transcribed) is consumed[0]
    assert len(consumed) == 3


def test_the_lock_is_released_between_steps_and_on_step_may_cancel(
    script: RecordingScript,
) -> None:
    script.n_steps = lambda _state: 10
    script.result = lambda _state: script.decoded(0.0, " a", 4.0)
    steps = 0

    def on_step() -> None:
        nonlocal steps
        assert not script.engine.lock.locked()
        steps += 1
        if steps == 8:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(script.recognizer(on_step=on_step).transcribe([window(0, 4)]))
    # One encoding; all other calls were steps.
    assert script.steps == 7
    assert not script.engine.lock.locked()


# --- word timestamps ---


def test_word_timestamps_use_the_features_that_were_decoded(
    script: RecordingScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[tuple[int, float]] = []

    def token_timestamps(
        _network: object, _tokenizer: object, features: Tensor, text: list[int], duration_s: float
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        assert script.engine.lock.locked()
        used.append((len(features), duration_s))
        return np.linspace(0, duration_s, len(text) + 1)

    monkeypatch.setattr(recognition, "token_timestamps", token_timestamps)
    silence = script.decoded(0.0, " Thank you.", 4.0, **SILENCE)
    script.scripted = {
        0: [script.decoded(0.0, " One two", 4.0)],
        10: [script.decoded(0.0, REPEATED, 9.0), script.decoded(0.0, " Three", 20.0)],
        40: [silence, silence],
        50: [replace(silence, tokens=(), token_logprobs=())] * 2,
    }
    one, two = script.segments(
        *(window(0, 4), window(10, 30), window(40, 44), window(50, 54)),
        options=TranscribeOptions(word_timestamps=True),
        min_audio_ctx=SHORT_AUDIO_CTX,
    )
    assert sorted(used) == [(250, 4.0), (FULL, 20.0)]
    assert [(word.start_s, word.end_s) for word in one.words] == [(0.0, 2.0), (2.0, 4.0)]
    assert (two.start_s, two.end_s) == (10.0, 30.0)
