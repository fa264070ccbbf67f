"""From windows of speech to segments of text, by openai-whisper's rules.

A window whose text fails the quality checks is decoded again at the next temperature (temperature
fallback). Where the text ends before the speech does, the rest of the window is decoded as a window
of its own (a continuation), as `whisper.transcribe` seeks to the last timestamp. All of that shares
one batch: a fallback or a continuation takes a slot like a new window.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice

import torch
from torch import Tensor
from whisper.tokenizer import Tokenizer

from lab.asr.audio_context import FULL_AUDIO_CTX, SHORT_AUDIO_CTX, audio_ctx_for
from lab.asr.decoding import DecodedWindow, Decoder
from lab.asr.logit_filters import SECONDS_PER_TIMESTAMP
from lab.asr.memory import clips_per_batch, max_windows
from lab.asr.options import TranscribeOptions
from lab.asr.runtime import Runtime
from lab.asr.segments import segments_of
from lab.asr.speech import Samples, Window
from lab.asr.timing import token_timestamps
from lab.audio import SAMPLE_RATE
from lab.transcripts import Segment

# Less than this after the last timestamp is the end of a word and the padding of its region.
_MIN_CONTINUATION_S = 1.0
# 30 s of fast speech need 2 or 3 continuations; a model whose timestamps were lost in training
# would otherwise advance a hundredth of a second each time.
_MAX_CONTINUATIONS = 15
# A continuation with a longer audio context is likely to need another continuation, and a short
# audio context is unreliable at that.
_MAX_SHORT_CONTINUATION_CTX = 600
# More tokens per second in a short audio context are a loop, or deserve the full audio context.
_MAX_TOKENS, _MAX_TOKENS_PER_S = 20, 20


@dataclass(eq=False)
class WindowState:
    """The progress of one window of speech from samples to segments.

    samples: of the recording that the window is cut from
    features: of the encoder, for `remaining`; None before it ran
    attempts: results for `remaining` at one temperature after the other
    remaining: the part of the window that is not decoded yet; None when it is done
    audio_ctx: the number of encoder frames to encode `remaining` in
    continuations: how many parts of the window are decoded
    """

    window: Window
    samples: Samples
    segments: list[Segment] = field(default_factory=list)
    features: Tensor | None = None
    attempts: list[DecodedWindow] = field(default_factory=list)
    remaining: Window | None = None
    audio_ctx: int = FULL_AUDIO_CTX
    continuations: int = 0

    def __post_init__(self) -> None:
        self.remaining = self.window


class Recognizer:
    """Transcribes windows in one language, side by side; takes the runtime's lock for each step."""

    def __init__(
        self,
        runtime: Runtime,
        tokenizer: Tokenizer,
        options: TranscribeOptions,
        *,
        on_step: Callable[[], None],
        min_audio_ctx: int = FULL_AUDIO_CTX,
    ) -> None:
        """Set up decoding with `options`.

        on_step: called after each encoding and each token; may raise to stop
        min_audio_ctx: minimum encoder frames of 20 ms for a short window; what then fails the
            checks is decoded again with the full audio context
        """
        self._runtime = runtime
        self._tokenizer, self._options, self._on_step = tokenizer, options, on_step
        self._min_audio_ctx = min_audio_ctx
        self._encoder_batch = clips_per_batch(min_audio_ctx)
        capacity = options.batch_size or max_windows(
            runtime.network, audio_ctx=FULL_AUDIO_CTX, beam_size=options.beam_size
        )
        prompt = options.prompt.strip()
        self._decoder: Decoder[WindowState] = Decoder(
            runtime.network,
            tokenizer,
            capacity=max(capacity, self._encoder_batch),
            audio_ctx=FULL_AUDIO_CTX,
            beam_size=options.beam_size,
            # What looks like a special token is plain text here, not an error.
            prompt=tokenizer.encode(" " + prompt, disallowed_special=()) if prompt else [],
            # Seeded, so that the same recording gives the same text.
            generator=torch.Generator(runtime.network.device).manual_seed(0),
        )

    def transcribe(self, windows: Iterable[WindowState]) -> Iterator[WindowState]:
        """Yield the same windows in the same order with their segments, as they are ready."""
        new, again, order = iter(windows), deque[WindowState](), deque[WindowState]()
        while True:
            self._fill_slots(new, again, order)
            if not self._decoder.tags:
                return
            for state, decoded in self._step():
                self._update(state, decoded)
                if state.remaining is not None:
                    again.append(state)
            self._on_step()
            while order and order[0].remaining is None:
                yield order.popleft()

    def _fill_slots(
        self, new: Iterator[WindowState], again: deque[WindowState], order: deque[WindowState]
    ) -> None:
        """Start decoding as many windows as fit, fallbacks and continuations first."""
        while self._decoder.free_slots >= self._encoder_batch:
            batch = [again.popleft() for _ in range(min(len(again), self._encoder_batch))]
            added = list(islice(new, self._encoder_batch - len(batch)))
            if not batch and not added:
                return
            order += added
            for state in added:
                state.audio_ctx = audio_ctx_for(len(state.window), self._min_audio_ctx)
            with self._runtime.lock, torch.inference_mode():
                self._start([*batch, *added])
            self._on_step()

    def _start(self, states: Sequence[WindowState]) -> None:
        by_audio_ctx = sorted(states, key=lambda state: state.audio_ctx)
        for audio_ctx, group in groupby(by_audio_ctx, key=lambda state: state.audio_ctx):
            same_ctx = list(group)
            self._encode([state for state in same_ctx if state.features is None], audio_ctx)
            self._decoder.add(
                torch.stack([state.features for state in same_ctx if state.features is not None]),
                same_ctx,
                [self._options.temperatures[len(state.attempts)] for state in same_ctx],
                max_tokens=self._max_tokens(audio_ctx),
            )

    def _max_tokens(self, audio_ctx: int) -> int | None:
        limits = [] if self._options.max_tokens is None else [self._options.max_tokens]
        if audio_ctx < FULL_AUDIO_CTX:
            limits.append(_MAX_TOKENS + _MAX_TOKENS_PER_S * audio_ctx // 50)
        return min(limits, default=None)

    def _encode(self, states: Sequence[WindowState], audio_ctx: int) -> None:
        if states:
            windows = [(state.remaining, state.samples) for state in states]
            audios = [window.cut(samples) for window, samples in windows if window is not None]
            mels = self._runtime.log_mels(audios, audio_ctx=audio_ctx)
            for state, features in zip(states, self._runtime.network.encode(mels), strict=True):
                state.features = features

    def _step(self) -> list[tuple[WindowState, DecodedWindow]]:
        with self._runtime.lock, torch.inference_mode():
            return self._decoder.step()

    def _update(self, state: WindowState, decoded: DecodedWindow) -> None:
        """Convert a result to segments, or prepare another attempt."""
        window = state.remaining
        assert window is not None
        state.attempts.append(decoded)
        if state.audio_ctx < FULL_AUDIO_CTX:
            is_doubtful = self._fails(decoded) or self._is_silence(decoded)
            if is_doubtful or self._continuation(window, decoded):
                state.audio_ctx, state.features, state.attempts = FULL_AUDIO_CTX, None, []
                return
        elif self._fails(decoded) and len(state.attempts) < len(self._options.temperatures):
            return
        best = self._best(state.attempts)
        state.segments += self._segments(window, best, state)
        state.remaining, state.features, state.attempts = self._continuation(window, best), None, []
        state.continuations += 1
        if state.continuations > _MAX_CONTINUATIONS:
            state.remaining = None
        if state.remaining is not None:
            audio_ctx = audio_ctx_for(len(state.remaining), SHORT_AUDIO_CTX)
            is_short = audio_ctx <= _MAX_SHORT_CONTINUATION_CTX
            state.audio_ctx = audio_ctx if is_short else FULL_AUDIO_CTX

    def _best(self, attempts: Sequence[DecodedWindow]) -> DecodedWindow:
        """The attempt that passes the checks; if none does, the likeliest non-repetitive one.

        As in faster-whisper; openai-whisper keeps the last one, sampled at temperature 1.
        """
        if not self._fails(attempts[-1]):
            return attempts[-1]
        limit = self._options.compression_ratio_threshold
        varied = [result for result in attempts if result.compression_ratio <= limit]
        return max(varied or attempts, key=lambda result: result.avg_logprob)

    def _fails(self, decoded: DecodedWindow) -> bool:
        """Whether `whisper.transcribe` would fall back to the next temperature."""
        if self._is_silence(decoded):
            return False
        return (
            not decoded.finished
            or decoded.compression_ratio > self._options.compression_ratio_threshold
            or decoded.avg_logprob < self._options.logprob_threshold
        )

    def _is_silence(self, decoded: DecodedWindow) -> bool:
        return (
            decoded.no_speech_prob > self._options.no_speech_threshold
            and decoded.avg_logprob < self._options.logprob_threshold
        )

    def _segments(
        self, window: Window, decoded: DecodedWindow, state: WindowState
    ) -> Iterator[Segment]:
        """The segments of a window; none if it contains no speech after all."""
        text = [token for token in decoded.tokens if token < self._tokenizer.eot]
        if not text or self._is_silence(decoded):
            return iter(())
        times_s = None
        if self._options.word_timestamps and state.features is not None:
            duration_s = len(window) / SAMPLE_RATE
            with self._runtime.lock, torch.inference_mode():
                times_s = token_timestamps(
                    self._runtime.network, self._tokenizer, state.features, text, duration_s
                )
        return segments_of(window, decoded, self._tokenizer, times_s)

    def _continuation(self, window: Window, decoded: DecodedWindow) -> Window | None:
        """The part of a window after its last timestamp, if long enough to contain speech.

        Also after a single last timestamp, where openai-whisper considers the window finished: the
        detector found speech here, and sentences would be lost.
        """
        tokens = decoded.tokens
        if not tokens or tokens[-1] < self._tokenizer.timestamp_begin:
            return None
        decoded_s = (tokens[-1] - self._tokenizer.timestamp_begin) * SECONDS_PER_TIMESTAMP
        if decoded_s == 0 or len(window) / SAMPLE_RATE - decoded_s < _MIN_CONTINUATION_S:
            return None
        return window.after(decoded_s)
