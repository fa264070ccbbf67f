"""From audio features to tokens: greedy search, sampling and beam search over a batch of windows.

The windows of a batch need not start together: when one finishes, another takes its slot, so that
the weights are always read for a full batch. Ranking by mean log probability and the stopping rule
of beam search are those of openai-whisper's `decoding.py`; the tests compare with `whisper.decode`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import Tensor
from whisper.tokenizer import Tokenizer
from whisper.utils import compression_ratio

from lab.asr.cache import Cache
from lab.asr.logit_filters import LogitFilters
from lab.asr.network import Network

Tag = TypeVar("Tag")


@dataclass(frozen=True)
class DecodedWindow:
    """The decoding result of one window; the scores are openai-whisper's.

    token_logprobs: log probabilities, one for each of `tokens`
    finished: whether the text has an end; false if it was cut off at its maximum length
    """

    tokens: tuple[int, ...]
    token_logprobs: tuple[float, ...]
    text: str
    avg_logprob: float
    no_speech_prob: float
    temperature: float
    finished: bool

    @property
    def compression_ratio(self) -> float:
        """Bytes of the text per byte of its zlib compression; high for repetitive text."""
        return float(compression_ratio(self.text))


@dataclass
class _Hypothesis:
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finished: bool = False

    def extended(self, token: int, logprob: float) -> "_Hypothesis":
        return _Hypothesis([*self.tokens, token], [*self.logprobs, logprob])

    def ended(self, logprob: float) -> "_Hypothesis":
        # The end-of-text token is not part of the text, but its log probability counts.
        return _Hypothesis(self.tokens, [*self.logprobs, logprob], finished=True)

    @property
    def score(self) -> float:
        # openai-whisper ranks by the sum over the length without the end-of-text token.
        return sum(self.logprobs) / max(len(self.tokens), 1)


@dataclass
class _Window(Generic[Tag]):
    """A window being decoded: its active hypotheses, one for each row, and its finished ones."""

    tag: Tag
    temperature: float
    max_tokens: int
    no_speech_prob: float
    rows: list[_Hypothesis]
    finished: list[_Hypothesis] = field(default_factory=list)


class Decoder(Generic[Tag]):
    """Decodes windows side by side; the caller identifies each by a tag.

    At temperature 0 a window is decoded by greedy search, or by beam search if `beam_size` is more
    than 1; at a higher temperature tokens are sampled.
    """

    def __init__(
        self,
        network: Network,
        tokenizer: Tokenizer,
        *,
        capacity: int,
        audio_ctx: int,
        beam_size: int = 1,
        prompt: Sequence[int] = (),
        generator: torch.Generator | None = None,
    ) -> None:
        """Create a decoder without windows.

        capacity: the maximum number of windows at a time
        audio_ctx: the maximum number of encoder frames of a window
        prompt: tokens of text preceding the windows, to steer spelling and style
        generator: source of random numbers for temperatures above 0
        """
        self._network, self._tokenizer = network, tokenizer
        self._beam_size, self._generator = beam_size, generator
        self._filters = LogitFilters(tokenizer, network.device)
        # Half of the decoder's context is for the text and half for the prompt, as in openai's.
        context = network.dims.n_text_ctx
        self._initial = initial_tokens(tokenizer, prompt, max_prompt=context // 2 - 1)
        self._max_tokens = min(context // 2, context - len(self._initial) + 1)
        self._cache = Cache(
            network.cache_spec,
            capacity=capacity,
            audio_ctx=audio_ctx,
            text_ctx=len(self._initial) + self._max_tokens,
            beam_size=beam_size,
        )
        self._windows: list[_Window[Tag]] = []  # in the order of the cache
        self._done: list[tuple[Tag, DecodedWindow]] = []

    @property
    def free_slots(self) -> int:
        """How many more windows fit."""
        return self._cache.capacity - len(self._windows)

    @property
    def tags(self) -> list[Tag]:
        """The tags of the windows being decoded."""
        return [window.tag for window in self._windows]

    def add(
        self,
        features: Tensor,
        tags: Sequence[Tag],
        temperatures: Sequence[float],
        *,
        max_tokens: int | None = None,
    ) -> None:
        """Start decoding more windows, at most `free_slots`.

        features: shape (windows, encoder frames, n_audio_state), of `Network.encode`
        tags, temperatures: one for each window
        max_tokens: maximum length of their texts; at most Whisper's 224
        """
        cross = self._network.cross(features)
        tokens = torch.tensor([self._initial] * len(features), device=self._network.device)
        prefill = self._network.prefill(tokens, cross)
        self._cache.add(cross, prefill)
        # The no-speech probability is predicted after the start-of-transcript token.
        indices = [self._initial.index(self._tokenizer.sot), -1]
        at_start, at_end = self._network.logits(prefill.hidden[:, indices]).unbind(1)
        no_speech_probs = at_start.softmax(-1)[:, self._tokenizer.no_speech].tolist()
        new = [
            _Window(
                tag,
                temperature,
                min(max_tokens or self._max_tokens, self._max_tokens),
                no_speech_prob,
                [_Hypothesis() for _ in range(self._beam_size)],
            )
            for tag, temperature, no_speech_prob in zip(
                tags, temperatures, no_speech_probs, strict=True
            )
        ]
        logits = self._filters.apply_to_first(at_end)
        self._windows += new
        self._extend(logits.repeat_interleave(self._beam_size, 0), new)

    def step(self) -> list[tuple[Tag, DecodedWindow]]:
        """Decode one more token of each window; return the windows that are finished."""
        if self._windows:
            rows = [row for window in self._windows for row in window.rows]
            last = torch.tensor([row.tokens[-1] for row in rows], device=self._network.device)
            logits = self._network.step(last, self._cache)
            self._extend(self._filters.apply(logits, [row.tokens for row in rows]), self._windows)
        done, self._done = self._done, []
        return done

    def _extend(self, logits: Tensor, windows: Sequence[_Window[Tag]]) -> None:
        """Append the next token to the rows of `windows`, which are the last ones in the cache."""
        if self._beam_size == 1:
            self._extend_single(logits, windows)
        else:
            self._extend_groups(logits, windows)
        # From the end: where one is removed, the last one moves in.
        for index in reversed(range(len(self._windows) - len(windows), len(self._windows))):
            window = self._windows[index]
            if not window.rows or len(window.rows[0].tokens) == window.max_tokens:
                self._remove(index)

    def _extend_single(self, logits: Tensor, windows: Sequence[_Window[Tag]]) -> None:
        """Extend one hypothesis per window, by its likeliest token or a sampled one."""
        chosen = logits.argmax(-1)
        for row, window in enumerate(windows):
            if window.temperature > 0:
                chosen[row] = self._sample(logits[row], window.temperature)
        logprobs = logits.gather(1, chosen[:, None])[:, 0] - logits.logsumexp(-1)
        for window, token, logprob in zip(windows, chosen.tolist(), logprobs.tolist(), strict=True):
            (hypothesis,) = window.rows
            if token == self._tokenizer.eot:
                window.finished.append(hypothesis.ended(logprob))
                window.rows = []
            else:
                hypothesis.tokens.append(token)
                hypothesis.logprobs.append(logprob)

    def _extend_groups(self, logits: Tensor, windows: Sequence[_Window[Tag]]) -> None:
        """Extend several hypotheses per window, and keep the best."""
        size = self._beam_size
        before = (len(self._windows) - len(windows)) * size
        order = list(range(before))
        for window, logprobs in zip(
            windows, torch.split(logits.log_softmax(-1), size), strict=True
        ):
            extend = self._extend_sampled if window.temperature > 0 else self._extend_beams
            order += [len(order) // size * size + origin for origin in extend(window, logprobs)]
        if order != list(range(len(order))):
            self._cache.reorder(torch.tensor(order, device=logits.device))

    def _extend_beams(self, window: _Window[Tag], logprobs: Tensor) -> list[int]:
        """Keep the best extensions over all hypotheses; return which row each one extends."""
        size = self._beam_size
        # At first all hypotheses are the same: only one is extended.
        roots = window.rows if window.rows[0].tokens else window.rows[:1]
        # Even if one extension of each is an end, size + 1 of each leave `size` active ones.
        top, top_tokens = logprobs[: len(roots)].topk(size + 1, -1)
        candidates = [
            (sum(root.logprobs) + logprob, row, token, logprob)
            for row, root in enumerate(roots)
            for token, logprob in zip(top_tokens[row].tolist(), top[row].tolist(), strict=True)
        ]
        candidates.sort(key=lambda candidate: -candidate[0])
        rows: list[_Hypothesis] = []
        origins: list[int] = []
        for _, row, token, logprob in candidates:
            if len(rows) == size:
                break
            if token == self._tokenizer.eot:
                window.finished.append(roots[row].ended(logprob))
            else:
                rows.append(roots[row].extended(token, logprob))
                origins.append(row)
        window.rows = rows if len(window.finished) < size else []
        return origins

    def _extend_sampled(self, window: _Window[Tag], logprobs: Tensor) -> list[int]:
        """Sample a single hypothesis, which occupies all rows of the window."""
        token = int(self._sample(logprobs[0], window.temperature))
        logprob = float(logprobs[0, token])
        if token == self._tokenizer.eot:
            window.finished.append(window.rows[0].ended(logprob))
            window.rows = []
        else:
            window.rows = [window.rows[0].extended(token, logprob)] * self._beam_size
        return list(range(self._beam_size))

    def _sample(self, logits: Tensor, temperature: float) -> Tensor:
        weights = (logits / temperature).softmax(-1)
        return torch.multinomial(weights, 1, generator=self._generator)[0]

    def _remove(self, index: int) -> None:
        """Remove a window and keep its best hypothesis as the result."""
        window = self._windows[index]
        active = sorted(window.rows, key=lambda hypothesis: -sum(hypothesis.logprobs))
        candidates = [*window.finished, *active][: self._beam_size]
        best = max(candidates, key=lambda hypothesis: hypothesis.score)
        text = [token for token in best.tokens if token < self._tokenizer.eot]
        decoded = DecodedWindow(
            tokens=tuple(best.tokens),
            token_logprobs=tuple(best.logprobs[: len(best.tokens)]),
            text=self._tokenizer.decode(text).strip(),
            avg_logprob=sum(best.logprobs) / (len(best.tokens) + 1),
            no_speech_prob=window.no_speech_prob,
            temperature=window.temperature,
            finished=best.finished,
        )
        self._done.append((window.tag, decoded))
        self._cache.remove(index)
        self._windows[index] = self._windows[-1]
        self._windows.pop()


def initial_tokens(tokenizer: Tokenizer, prompt: Sequence[int], *, max_prompt: int) -> list[int]:
    """The tokens before a window's text: the end of the prompt, then language and task."""
    previous = [tokenizer.sot_prev, *prompt[-max_prompt:]] if prompt else []
    return [*previous, *tokenizer.sot_sequence]
