"""From the tokens of a window to segments of text with their times in the recording."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from whisper.tokenizer import Tokenizer

from lab.asr.decoding import DecodedWindow
from lab.asr.logit_filters import SECONDS_PER_TIMESTAMP
from lab.asr.speech import Window
from lab.asr.timing import TokenTimestamps, words_of
from lab.audio import SAMPLE_RATE
from lab.transcripts import Segment, Word


def segments_of(
    window: Window,
    decoded: DecodedWindow,
    tokenizer: Tokenizer,
    times_s: TokenTimestamps | None = None,
) -> Iterator[Segment]:
    """The segments between the timestamps of a window's text, with times in the recording.

    times_s: start of each text token and end of the last one, in seconds of the window; None
        without word timestamps
    """
    text_tokens = 0
    for span in _spans(decoded, tokenizer, len(window) / SAMPLE_RATE):
        first, text_tokens = text_tokens, text_tokens + len(span.tokens)
        if not (text := tokenizer.decode(span.tokens)).strip():
            continue
        span_times_s = None if times_s is None else times_s[first : text_tokens + 1]
        words = tuple(
            _in_recording(word, window)
            for word in words_of(tokenizer, span.tokens, span.logprobs, span_times_s)
        )
        start_s = window.to_recording(span.start_s)
        end_s = window.to_recording(span.end_s, is_end=True)
        if times_s is not None and words and words[0].start_s is not None:
            start_s, end_s = words[0].start_s, words[-1].end_s or end_s
        yield Segment(
            start_s=round(start_s, 2),
            end_s=round(max(end_s, start_s), 2),
            text=text,
            tokens=tuple(span.tokens),
            temperature=decoded.temperature,
            avg_logprob=decoded.avg_logprob,
            compression_ratio=decoded.compression_ratio,
            no_speech_prob=decoded.no_speech_prob,
            window_start_s=round(window.start_s, 2),
            words=words,
        )


@dataclass
class _Span:
    """Text tokens between two timestamps of a window, in seconds of the window."""

    start_s: float
    end_s: float
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


def _spans(decoded: DecodedWindow, tokenizer: Tokenizer, window_s: float) -> list[_Span]:
    spans = [_Span(0.0, window_s)]
    for token, logprob in zip(decoded.tokens, decoded.token_logprobs, strict=True):
        if token >= tokenizer.timestamp_begin:
            time_s = (token - tokenizer.timestamp_begin) * SECONDS_PER_TIMESTAMP
            spans[-1].end_s = min(time_s, window_s)
            spans.append(_Span(spans[-1].end_s, window_s))
        elif token < tokenizer.eot:
            spans[-1].tokens.append(token)
            spans[-1].logprobs.append(logprob)
    return spans


def _in_recording(word: Word, window: Window) -> Word:
    if word.start_s is None or word.end_s is None:
        return word
    return Word(
        word.text,
        word.probability,
        round(window.to_recording(word.start_s), 2),
        round(window.to_recording(word.end_s, is_end=True), 2),
    )
