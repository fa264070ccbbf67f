"""From windows of speech to segments of text, by openai-whisper's rules.

A window whose text fails the checks is decoded again at the next temperature. Where the text ends
although the speech goes on, the rest becomes a window of its own, as `whisper.transcribe` goes on
from the last timestamp.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from whisper.tokenizer import Tokenizer

from lab.asr.decoding import SECONDS_PER_TIMESTAMP, Decoded, Search, decode
from lab.asr.options import TranscribeOptions
from lab.asr.speech import Samples, Window
from lab.asr.timing import TokenTimes, token_times, words_of
from lab.audio import SAMPLE_RATE
from lab.transcript import Segment, Word

if TYPE_CHECKING:
    from lab.asr.engine import Engine

# Less than this after the last timestamp is the end of a word and the padding of its region.
_MIN_REST_S = 1.0


class Recognizer:
    """Decodes the windows of one recording in one language. Its caller holds the engine's lock."""

    def __init__(
        self,
        engine: "Engine",
        tokenizer: Tokenizer,
        samples: Samples,
        options: TranscribeOptions,
    ) -> None:
        self._engine, self._network = engine, engine.network
        self._tokenizer, self._samples, self._options = tokenizer, samples, options
        prompt = options.prompt.strip()
        self._prompt = tokenizer.encode(" " + prompt) if prompt else []
        # Seeded, so that the same recording gives the same text.
        self._generator = torch.Generator(engine.network.device).manual_seed(0)

    def segments(
        self, windows: Sequence[Window], *, on_share: Callable[[float], None]
    ) -> list[Segment]:
        """The segments of the windows, in order.

        on_share: called with the share, 0 to 1, that is finished, at least once a token
        """
        found: list[list[Segment]] = [[] for _ in windows]
        left = list(enumerate(windows))
        while left:
            batch = [window for _, window in left]
            features = self._encode(batch, on_share)
            decoded = self._decode(features, on_share)
            for (place, _), segments in zip(
                left, self._segments(batch, decoded, features), strict=True
            ):
                found[place] += segments
            rests = [self._rest(*pair) for pair in zip(batch, decoded, strict=True)]
            left = [(place, rest) for (place, _), rest in zip(left, rests, strict=True) if rest]
        return [segment for segments in found for segment in segments]

    def _encode(self, windows: Sequence[Window], on_share: Callable[[float], None]) -> Tensor:
        """Audio features of the windows, (windows, n_audio_ctx, n_audio_state)."""
        features = []
        for number, window in enumerate(windows, start=1):
            mel = self._engine.log_mels([window.cut(self._samples)])
            features.append(self._network.encode(mel))
            on_share(number / len(windows) / 2)  # encoding is about half of the work
        return torch.cat(features)

    def _decode(self, features: Tensor, on_share: Callable[[float], None]) -> list[Decoded]:
        """Decode at the first temperature, and what fails the checks again at the next ones."""
        tried: list[list[Decoded]] = [[] for _ in features]
        left = list(range(len(features)))
        for temperature in self._options.temperatures:
            decoded = decode(
                self._network,
                self._tokenizer,
                features[left],
                search=Search(temperature=temperature, beam_size=self._options.beam_size),
                prompt=self._prompt,
                generator=self._generator,
                on_step=lambda finished: on_share((1 + finished / len(features)) / 2),
            )
            for place, result in zip(left, decoded, strict=True):
                tried[place].append(result)
            left = [place for place in left if self._fails(tried[place][-1])]
            if not left:
                break
        return [self._best(results) for results in tried]

    def _best(self, tried: Sequence[Decoded]) -> Decoded:
        """The result that passes the checks; where none does, the likeliest, not repeating itself.

        faster-whisper's choice: openai-whisper keeps the last one, a guess at temperature 1.
        """
        if not self._fails(tried[-1]):
            return tried[-1]
        limit = self._options.max_compression_ratio
        varied = [result for result in tried if result.compression_ratio <= limit]
        return max(varied or tried, key=lambda result: result.avg_logprob)

    def _fails(self, decoded: Decoded) -> bool:
        """Whether `whisper.transcribe` would decode the window again."""
        if self._is_silence(decoded):
            return False
        return (
            not decoded.finished
            or decoded.compression_ratio > self._options.max_compression_ratio
            or decoded.avg_logprob < self._options.min_avg_logprob
        )

    def _is_silence(self, decoded: Decoded) -> bool:
        return (
            decoded.no_speech_prob > self._options.max_no_speech_prob
            and decoded.avg_logprob < self._options.min_avg_logprob
        )

    def _segments(
        self, windows: Sequence[Window], decoded: Sequence[Decoded], features: Tensor
    ) -> list[list[Segment]]:
        """The segments of each window, none where it holds no speech after all."""
        texts = [[token for token in one.tokens if token < self._tokenizer.eot] for one in decoded]
        spoken = [
            place
            for place, text in enumerate(texts)
            if text and not self._is_silence(decoded[place])
        ]
        times: dict[int, TokenTimes] = {}
        if self._options.word_times and spoken:
            found = token_times(
                self._network,
                self._tokenizer,
                features[spoken],
                [texts[place] for place in spoken],
                [len(windows[place]) / SAMPLE_RATE for place in spoken],
            )
            times = dict(zip(spoken, found, strict=True))
        return [
            list(segments_of(windows[place], decoded[place], self._tokenizer, times.get(place)))
            if place in spoken
            else []
            for place in range(len(windows))
        ]

    def _rest(self, window: Window, decoded: Decoded) -> Window | None:
        """What is left of a window after its last timestamp, if that can be more than an ending.

        Also after a single last timestamp, where openai-whisper takes the window as finished: here
        the detector has said that there is speech, and sentences would be lost.
        """
        tokens = decoded.tokens
        if not tokens or tokens[-1] < self._tokenizer.timestamp_begin:
            return None
        read_s = (tokens[-1] - self._tokenizer.timestamp_begin) * SECONDS_PER_TIMESTAMP
        if read_s == 0 or len(window) / SAMPLE_RATE - read_s < _MIN_REST_S:
            return None
        return window.after(read_s)


def segments_of(
    window: Window,
    decoded: Decoded,
    tokenizer: "Tokenizer",
    times_s: TokenTimes | None = None,
) -> Iterator[Segment]:
    """The segments between the timestamps of a window's text, with times in the recording.

    times_s: when each text token begins and the last one ends, in the window; None without
        word times
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
            window_start_s=window.start_s,
            words=words,
        )


@dataclass
class _Span:
    """Text tokens between two timestamps of a window, in seconds of the window."""

    start_s: float
    end_s: float
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


def _spans(decoded: Decoded, tokenizer: "Tokenizer", window_s: float) -> list[_Span]:
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
