"""From windows of speech to segments of text, by openai-whisper's rules.

A window whose text fails the checks is decoded again at the next temperature. Where the text ends
although the speech goes on, the rest becomes a window of its own, as `whisper.transcribe` goes on
from the last timestamp. All of that happens side by side: what has to be done again takes a place
in the batch like a new window.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice

import torch
from torch import Tensor
from whisper.tokenizer import Tokenizer

from lab.asr.audio_context import FULL_AUDIO_CTX, SHORT_AUDIO_CTX, audio_ctx_for, clips_per_batch
from lab.asr.decoding import Decoded, Decoder
from lab.asr.memory import fitting_windows
from lab.asr.options import TranscribeOptions
from lab.asr.rules import SECONDS_PER_TIMESTAMP
from lab.asr.runtime import Runtime
from lab.asr.segments import segments_of
from lab.asr.speech import Samples, Window
from lab.asr.timing import token_timestamps
from lab.audio import SAMPLE_RATE
from lab.transcripts import Segment

# Less than this after the last timestamp is the end of a word and the padding of its region.
_MIN_REST_S = 1.0
# A window is gone on with so many times at most. In 30 s of fast talk it takes 2 or 3; a model
# whose timestamps were lost in training would else take a hundredth of a second each time.
_MOST_RESTS = 15
# A longer one, in positions, is likely to leave a rest again, which a short context is not good at.
_LONGEST_SHORT_REST = 600
# A text of more tokens a second in a short context is a loop, or deserves the full one.
_MAX_TOKENS, _MAX_TOKENS_PER_S = 20, 20


@dataclass(eq=False)
class Passage:
    """A window of speech on its way to segments.

    `samples` are those of the recording that the window is cut from. `left` is what has still to
    be decoded of the window: all of it at first, nothing at the end. `context` is in how many
    positions the encoder is to hear it. `rests` is how often it was gone on with.
    """

    window: Window
    samples: Samples
    segments: list[Segment] = field(default_factory=list)
    features: Tensor | None = None
    tried: list[Decoded] = field(default_factory=list)
    left: Window | None = None
    context: int = FULL_AUDIO_CTX
    rests: int = 0

    def __post_init__(self) -> None:
        self.left = self.window


class Recognizer:
    """Decodes passages in one language, side by side; takes the runtime's lock for each step."""

    def __init__(
        self,
        runtime: Runtime,
        tokenizer: Tokenizer,
        options: TranscribeOptions,
        *,
        on_step: Callable[[], None],
        min_audio_ctx: int = FULL_AUDIO_CTX,
    ) -> None:
        """`on_step` is called after each encoding and each token, and may raise to stop.

        min_audio_ctx: in how many positions, of 20 ms each, the encoder may hear a passage that
            is short; what fails the checks then is tried again with the full context
        """
        self._runtime, self._network = runtime, runtime.network
        self._tokenizer, self._options, self._on_step = tokenizer, options, on_step
        self._shortest_context = min_audio_ctx
        self._together = clips_per_batch(min_audio_ctx)
        capacity = options.batch_size or fitting_windows(
            runtime.network, positions=FULL_AUDIO_CTX, beam_size=options.beam_size
        )
        prompt = options.prompt.strip()
        self._decoder: Decoder[Passage] = Decoder(
            runtime.network,
            tokenizer,
            capacity=max(capacity, self._together),
            positions=FULL_AUDIO_CTX,
            beam_size=options.beam_size,
            # What looks like a token of Whisper's is text like any other, not an error.
            prompt=tokenizer.encode(" " + prompt, disallowed_special=()) if prompt else [],
            # Seeded, so that the same recording gives the same text.
            generator=torch.Generator(runtime.network.device).manual_seed(0),
        )

    def read(self, passages: Iterable[Passage]) -> Iterator[Passage]:
        """The same passages in the same order, with their segments, as they are ready."""
        coming, again, order = iter(passages), deque[Passage](), deque[Passage]()
        while True:
            self._fill(coming, again, order)
            if not self._decoder.tags:
                return
            for passage, decoded in self._advance():
                self._take(passage, decoded)
                if passage.left is not None:
                    again.append(passage)
            self._on_step()
            while order and order[0].left is None:
                yield order.popleft()

    def _fill(
        self, coming: Iterator[Passage], again: deque[Passage], order: deque[Passage]
    ) -> None:
        """Begin with as many passages as there is room for; those that wait again come first."""
        while self._decoder.free >= self._together:
            batch = [again.popleft() for _ in range(min(len(again), self._together))]
            new = list(islice(coming, self._together - len(batch)))
            if not batch and not new:
                return
            order += new
            for passage in new:
                passage.context = audio_ctx_for(len(passage.window), self._shortest_context)
            with self._runtime.lock, torch.inference_mode():
                self._begin([*batch, *new])
            self._on_step()

    def _begin(self, passages: Sequence[Passage]) -> None:
        by_context = sorted(passages, key=lambda passage: passage.context)
        for context, group in groupby(by_context, key=lambda passage: passage.context):
            alike = list(group)
            self._encode([passage for passage in alike if passage.features is None], context)
            self._decoder.admit(
                torch.stack([one.features for one in alike if one.features is not None]),
                alike,
                [self._options.temperatures[len(passage.tried)] for passage in alike],
                max_tokens=self._max_tokens(context),
            )

    def _max_tokens(self, context: int) -> int | None:
        most = [] if self._options.max_tokens is None else [self._options.max_tokens]
        if context < FULL_AUDIO_CTX:
            most.append(_MAX_TOKENS + _MAX_TOKENS_PER_S * context // 50)
        return min(most, default=None)

    def _encode(self, passages: Sequence[Passage], context: int) -> None:
        if passages:
            audios = [one.left.cut(one.samples) for one in passages if one.left is not None]
            mels = self._runtime.log_mels(audios, positions=context)
            for passage, features in zip(passages, self._network.encode(mels), strict=True):
                passage.features = features

    def _advance(self) -> list[tuple[Passage, Decoded]]:
        with self._runtime.lock, torch.inference_mode():
            return self._decoder.advance()

    def _take(self, passage: Passage, decoded: Decoded) -> None:
        """Turn what was decoded into segments, or see to another try."""
        window = passage.left
        assert window is not None
        passage.tried.append(decoded)
        if passage.context < FULL_AUDIO_CTX:
            if self._fails(decoded) or self._is_silence(decoded) or self._rest(window, decoded):
                passage.context, passage.features, passage.tried = FULL_AUDIO_CTX, None, []
                return
        elif self._fails(decoded) and len(passage.tried) < len(self._options.temperatures):
            return
        best = self._best(passage.tried)
        passage.segments += self._segments(window, best, passage)
        passage.left, passage.features, passage.tried = self._rest(window, best), None, []
        passage.rests += 1
        if passage.rests > _MOST_RESTS:
            passage.left = None
        if passage.left is not None:
            context = audio_ctx_for(len(passage.left), SHORT_AUDIO_CTX)
            passage.context = context if context <= _LONGEST_SHORT_REST else FULL_AUDIO_CTX

    def _best(self, tried: Sequence[Decoded]) -> Decoded:
        """The result that passes the checks; where none does, the likeliest, not repeating itself.

        faster-whisper's choice: openai-whisper keeps the last one, a guess at temperature 1.
        """
        if not self._fails(tried[-1]):
            return tried[-1]
        limit = self._options.compression_ratio_threshold
        varied = [result for result in tried if result.compression_ratio <= limit]
        return max(varied or tried, key=lambda result: result.avg_logprob)

    def _fails(self, decoded: Decoded) -> bool:
        """Whether `whisper.transcribe` would decode the window again."""
        if self._is_silence(decoded):
            return False
        return (
            not decoded.finished
            or decoded.compression_ratio > self._options.compression_ratio_threshold
            or decoded.avg_logprob < self._options.logprob_threshold
        )

    def _is_silence(self, decoded: Decoded) -> bool:
        return (
            decoded.no_speech_prob > self._options.no_speech_threshold
            and decoded.avg_logprob < self._options.logprob_threshold
        )

    def _segments(self, window: Window, decoded: Decoded, passage: Passage) -> Iterator[Segment]:
        """The segments of a window, none where it holds no speech after all."""
        text = [token for token in decoded.tokens if token < self._tokenizer.eot]
        if not text or self._is_silence(decoded):
            return iter(())
        times = None
        if self._options.word_timestamps and passage.features is not None:
            with self._runtime.lock, torch.inference_mode():
                times = token_timestamps(
                    self._network,
                    self._tokenizer,
                    passage.features,
                    text,
                    len(window) / SAMPLE_RATE,
                )
        return segments_of(window, decoded, self._tokenizer, times)

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
