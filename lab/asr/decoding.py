"""From audio features to tokens: greedy search, sampling and beam search over a batch of windows.

The windows of a batch need not begin together: as one ends, another takes its place, so that the
weights are always read for a full batch. Ranking by mean log probability and the end of a beam
search are those of openai-whisper's `decoding.py`; `whisper.decode` is the reference that the
tests compare with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import Tensor
from whisper.tokenizer import Tokenizer
from whisper.utils import compression_ratio

from lab.asr.cache import Cache
from lab.asr.network import Network
from lab.asr.rules import TimestampRules

Tag = TypeVar("Tag")


@dataclass(frozen=True)
class Decoded:
    """What the decoder made of one window; the measures are openai-whisper's.

    `token_logprobs` are the log probabilities of `tokens`, one each. `finished` is false if the
    text was cut off at its greatest length without an end.
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
        """Bytes of the text for a byte of its zlib compression; high where it repeats itself."""
        return float(compression_ratio(self.text))


@dataclass
class _Hypothesis:
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finished: bool = False

    def with_token(self, token: int, logprob: float) -> "_Hypothesis":
        return _Hypothesis([*self.tokens, token], [*self.logprobs, logprob])

    def ended(self, logprob: float) -> "_Hypothesis":
        # The end is no text, but its log probability counts.
        return _Hypothesis(self.tokens, [*self.logprobs, logprob], finished=True)

    @property
    def score(self) -> float:
        # openai-whisper ranks by the sum over the length without the end token.
        return sum(self.logprobs) / max(len(self.tokens), 1)


@dataclass
class _Window(Generic[Tag]):
    """A window that is being decoded: what its rows have said, and which texts have ended."""

    tag: Tag
    temperature: float
    max_tokens: int
    no_speech_prob: float
    rows: list[_Hypothesis]
    ended: list[_Hypothesis] = field(default_factory=list)


class Decoder(Generic[Tag]):
    """Windows that are decoded side by side; each is known to the caller by a tag.

    At temperature 0 a window is decoded by greedy search, or by beam search if `beam_size` is more
    than 1. At a higher temperature tokens are drawn from the distribution; of `beam_size` texts the
    best is taken.
    """

    def __init__(
        self,
        network: Network,
        tokenizer: Tokenizer,
        *,
        capacity: int,
        positions: int,
        beam_size: int = 1,
        prompt: Sequence[int] = (),
        generator: torch.Generator | None = None,
    ) -> None:
        """A decoder without windows yet.

        capacity: how many windows there is room for
        positions: how many positions their features have at most
        prompt: tokens of text that comes before the windows, to steer spelling and style
        generator: where the random numbers of a temperature above 0 come from
        """
        self._network, self._tokenizer = network, tokenizer
        self._beam_size, self._generator = beam_size, generator
        self._rules = TimestampRules(tokenizer, network.device)
        # Half of the decoder's context is for the text and half for the prompt, as in openai's.
        context = network.dims.n_text_ctx
        self._initial = initial_tokens(tokenizer, prompt, max_prompt=context // 2 - 1)
        self._max_tokens = min(context // 2, context - len(self._initial) + 1)
        self._cache = Cache(
            network.cache_spec,
            capacity=capacity,
            positions=positions,
            tokens=len(self._initial) + self._max_tokens,
            group=beam_size,
        )
        self._windows: list[_Window[Tag]] = []  # in the order of the cache
        self._done: list[tuple[Tag, Decoded]] = []

    @property
    def free(self) -> int:
        """For how many more windows there is room."""
        return self._cache.capacity - len(self._windows)

    @property
    def tags(self) -> list[Tag]:
        """Of the windows that are being decoded."""
        return [window.tag for window in self._windows]

    def admit(
        self,
        features: Tensor,
        tags: Sequence[Tag],
        temperatures: Sequence[float],
        *,
        max_tokens: int | None = None,
    ) -> None:
        """Begin with more windows; no more than are `free`.

        features: shape (windows, positions, n_audio_state), of `Network.encode`
        tags, temperatures: one for each window
        max_tokens: where their texts are cut off at the latest, if not at Whisper's 224
        """
        cross = self._network.cross(features)
        tokens = torch.tensor([self._initial] * len(features), device=self._network.device)
        prefill = self._network.prefill(tokens, cross)
        self._cache.add(cross, prefill)
        # What stands after the first token tells whether anybody speaks.
        places = [self._initial.index(self._tokenizer.sot), -1]
        at_start, at_end = self._network.logits(prefill.hidden[:, places]).unbind(1)
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
        logits = self._rules.apply_to_first(at_end)
        self._windows += new
        self._choose(logits.repeat_interleave(self._beam_size, 0), new)

    def advance(self) -> list[tuple[Tag, Decoded]]:
        """Go on by a token; returns the windows whose text has ended."""
        if self._windows:
            rows = [row for window in self._windows for row in window.rows]
            last = torch.tensor([row.tokens[-1] for row in rows], device=self._network.device)
            logits = self._network.step(last, self._cache)
            self._choose(self._rules.apply(logits, [row.tokens for row in rows]), self._windows)
        done, self._done = self._done, []
        return done

    def _choose(self, logits: Tensor, windows: Sequence[_Window[Tag]]) -> None:
        """The next token of the rows of these windows, which are the last ones in the cache."""
        if self._beam_size == 1:
            self._grow_rows(logits, windows)
        else:
            self._grow_groups(logits, windows)
        # From the end: where one is removed, the last one moves in.
        for place in reversed(range(len(self._windows) - len(windows), len(self._windows))):
            window = self._windows[place]
            if not window.rows or len(window.rows[0].tokens) == window.max_tokens:
                self._remove(place)

    def _grow_rows(self, logits: Tensor, windows: Sequence[_Window[Tag]]) -> None:
        """One hypothesis a window: its likeliest token, or one drawn from the distribution."""
        chosen = logits.argmax(-1)
        for row, window in enumerate(windows):
            if window.temperature > 0:
                chosen[row] = self._drawn(logits[row], window.temperature)
        logprobs = logits.gather(1, chosen[:, None])[:, 0] - logits.logsumexp(-1)
        for window, token, logprob in zip(windows, chosen.tolist(), logprobs.tolist(), strict=True):
            (hypothesis,) = window.rows
            if token == self._tokenizer.eot:
                window.ended.append(hypothesis.ended(logprob))
                window.rows = []
            else:
                hypothesis.tokens.append(token)
                hypothesis.logprobs.append(logprob)

    def _grow_groups(self, logits: Tensor, windows: Sequence[_Window[Tag]]) -> None:
        """Several hypotheses a window, of which the best go on."""
        size = self._beam_size
        before = (len(self._windows) - len(windows)) * size
        order = list(range(before))
        for window, logprobs in zip(
            windows, torch.split(logits.log_softmax(-1), size), strict=True
        ):
            grow = self._draw if window.temperature > 0 else self._grow_beams
            order += [len(order) // size * size + origin for origin in grow(window, logprobs)]
        if order != list(range(len(order))):
            self._cache.reorder(torch.tensor(order, device=logits.device))

    def _grow_beams(self, window: _Window[Tag], logprobs: Tensor) -> list[int]:
        """The best continuations of all hypotheses together; returns which each goes on from."""
        size = self._beam_size
        # At first the hypotheses are all the same: only one may grow.
        roots = window.rows if window.rows[0].tokens else window.rows[:1]
        # Whatever ends, size + 1 continuations of each leave `size` to go on with.
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
                window.ended.append(roots[row].ended(logprob))
            else:
                rows.append(roots[row].with_token(token, logprob))
                origins.append(row)
        window.rows = rows if len(window.ended) < size else []
        return origins

    def _draw(self, window: _Window[Tag], logprobs: Tensor) -> list[int]:
        """One text, drawn from the distribution, which all rows of the window follow."""
        token = int(self._drawn(logprobs[0], window.temperature))
        logprob = float(logprobs[0, token])
        if token == self._tokenizer.eot:
            window.ended.append(window.rows[0].ended(logprob))
            window.rows = []
        else:
            window.rows = [window.rows[0].with_token(token, logprob)] * self._beam_size
        return list(range(self._beam_size))

    def _drawn(self, logits: Tensor, temperature: float) -> Tensor:
        weights = (logits / temperature).softmax(-1)
        return torch.multinomial(weights, 1, generator=self._generator)[0]

    def _remove(self, place: int) -> None:
        """Take a window out, with the best of what it has."""
        window = self._windows[place]
        going_on = sorted(window.rows, key=lambda hypothesis: -sum(hypothesis.logprobs))
        candidates = [*window.ended, *going_on][: self._beam_size]
        best = max(candidates, key=lambda hypothesis: hypothesis.score)
        text = [token for token in best.tokens if token < self._tokenizer.eot]
        decoded = Decoded(
            tokens=tuple(best.tokens),
            token_logprobs=tuple(best.logprobs[: len(best.tokens)]),
            text=self._tokenizer.decode(text).strip(),
            avg_logprob=sum(best.logprobs) / (len(best.tokens) + 1),
            no_speech_prob=window.no_speech_prob,
            temperature=window.temperature,
            finished=best.finished,
        )
        self._done.append((window.tag, decoded))
        self._cache.remove(place)
        self._windows[place] = self._windows[-1]
        self._windows.pop()


def initial_tokens(tokenizer: Tokenizer, prompt: Sequence[int], *, max_prompt: int) -> list[int]:
    """What stands before a window's text: the end of the prompt, then language and task."""
    before = [tokenizer.sot_prev, *prompt[-max_prompt:]] if prompt else []
    return [*before, *tokenizer.sot_sequence]
