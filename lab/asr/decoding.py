"""From audio features to tokens: greedy search, sampling and beam search over a batch of windows.

The rules are those of openai-whisper's `decoding.py` (suppressed tokens, timestamps in pairs that
never go back, ranking by mean log probability), written for all rows at once. `whisper.decode` is
the reference that the tests compare with.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from whisper.tokenizer import Tokenizer

from lab.asr.network import Network

# The first timestamp is at most 1 s: a window begins with speech, or shortly before.
MAX_INITIAL_TIMESTAMP_S = 1.0
SECONDS_PER_TIMESTAMP = 0.02


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
        return compression_ratio(self.text)


def compression_ratio(text: str) -> float:
    """openai-whisper's measure of repetition: UTF-8 bytes per zlib byte, 0 for an empty text."""
    encoded = text.encode("utf-8")
    return len(encoded) / len(zlib.compress(encoded))


@dataclass(frozen=True)
class Search:
    """How to look for the best text.

    temperature: 0 takes the likeliest token, above 0 draws from the distribution.
    beam_size: hypotheses kept side by side at temperature 0; 1 is greedy search.
    """

    temperature: float = 0.0
    beam_size: int = 1

    @property
    def group(self) -> int:
        return 1 if self.temperature > 0 else self.beam_size


def decode(
    network: Network,
    tokenizer: Tokenizer,
    features: Tensor,
    *,
    search: Search,
    prompt: Sequence[int] = (),
    generator: torch.Generator | None = None,
    on_step: Callable[[int], None] = lambda _finished: None,
) -> list[Decoded]:
    """Decode windows together, one result a window in their order.

    features: shape (windows, positions, n_audio_state), of `Network.encode`
    prompt: tokens of text that comes before the windows, to steer spelling and style
    generator: where the random numbers of a temperature above 0 come from
    on_step: called after each token with the number of finished windows; may raise to stop
    """
    run = _Run(network, tokenizer, features, search, prompt, generator)
    while run.unfinished:
        run.advance()
        on_step(len(features) - len(run.unfinished))
    return run.results()


@dataclass
class _Hypothesis:
    tokens: list[int]
    logprobs: list[float]
    finished: bool

    @property
    def score(self) -> float:
        # openai-whisper ranks by the sum over the length without the end token.
        return sum(self.logprobs) / max(len(self.tokens), 1)


class _Run:
    """The state of one call of `decode`. Row i belongs to window `unfinished[i // group]`."""

    def __init__(
        self,
        network: Network,
        tokenizer: Tokenizer,
        features: Tensor,
        search: Search,
        prompt: Sequence[int],
        generator: torch.Generator | None,
    ) -> None:
        self.network, self.tokenizer, self.search = network, tokenizer, search
        self.generator = generator
        self.rules = TimestampRules(tokenizer, network.device)
        self.unfinished = list(range(len(features)))
        self.candidates: list[list[_Hypothesis]] = [[] for _ in self.unfinished]
        self.cache = network.start(features, group=search.group)

        # Half of the decoder's context is for the text and half for the prompt, as in openai's.
        context = network.dims.n_text_ctx
        initial = initial_tokens(tokenizer, prompt, max_prompt=context // 2 - 1)
        self.max_tokens = min(context // 2, context - len(initial) + 1)
        rows = len(features) * search.group
        first = torch.tensor([initial] * rows, device=network.device)
        logits = network.step(first, self.cache, last_only=False)
        at_start = logits[:: search.group, initial.index(tokenizer.sot)]
        self.no_speech_probs = at_start.softmax(-1)[:, tokenizer.no_speech].tolist()
        self.logits = logits[:, -1]
        self.tokens = first.new_empty((rows, 0))
        self.logprobs = self.logits.new_empty((rows, 0))

    def advance(self) -> None:
        """Choose the next token of every row, set finished windows aside, and look ahead."""
        logits = self.rules.apply(self.logits, self.tokens)
        if self.search.group > 1:
            self._grow_beams(logits)
        else:
            self._grow_rows(logits)
        if self.tokens.shape[1] == self.max_tokens:
            self._give_up()
        if self.unfinished:
            self.logits = self.network.step(self.tokens[:, -1:], self.cache)

    def results(self) -> list[Decoded]:
        eot = self.tokenizer.eot
        decoded = []
        for hypotheses, no_speech_prob in zip(self.candidates, self.no_speech_probs, strict=True):
            best = max(hypotheses, key=lambda hypothesis: hypothesis.score)
            decoded.append(
                Decoded(
                    tokens=tuple(best.tokens),
                    token_logprobs=tuple(best.logprobs[: len(best.tokens)]),
                    text=self.tokenizer.decode([t for t in best.tokens if t < eot]).strip(),
                    avg_logprob=sum(best.logprobs) / (len(best.tokens) + 1),
                    no_speech_prob=no_speech_prob,
                    temperature=self.search.temperature,
                    finished=best.finished,
                )
            )
        return decoded

    def _grow_rows(self, logits: Tensor) -> None:
        """One hypothesis a window: its likeliest token, or one drawn from the distribution."""
        if self.search.temperature > 0:
            weights = (logits / self.search.temperature).softmax(-1)
            chosen = torch.multinomial(weights, 1, generator=self.generator)
        else:
            chosen = logits.argmax(-1, keepdim=True)
        logprobs = logits.gather(1, chosen) - logits.logsumexp(-1, keepdim=True)
        self.tokens = torch.cat([self.tokens, chosen], 1)
        self.logprobs = torch.cat([self.logprobs, logprobs], 1)

        ended = chosen[:, 0].eq(self.tokenizer.eot).tolist()
        if any(ended):
            for row, has_ended in enumerate(ended):
                if has_ended:
                    self._set_aside(self.unfinished[row], row, finished=True)
            self._keep([row for row, has_ended in enumerate(ended) if not has_ended])

    def _grow_beams(self, logits: Tensor) -> None:
        """`beam_size` hypotheses a window: the best continuations of all of them together."""
        beams = self.search.beam_size
        logprobs = logits.log_softmax(-1)
        so_far = self.logprobs.sum(1, keepdim=True)
        if self.tokens.shape[1] == 0:
            # The hypotheses of a window are still the same: let only the first one grow.
            so_far.view(-1, beams)[:, 1:] = -torch.inf
        # Whatever ends, beams + 1 continuations of each hypothesis leave `beams` to go on with.
        top, top_tokens = logprobs.topk(beams + 1, -1)
        scores = (so_far + top).view(len(self.unfinished), -1)
        order = scores.argsort(1, descending=True).tolist()
        candidates, candidate_logprobs = top_tokens.flatten().tolist(), top.flatten().tolist()

        rows, tokens, added, done = [], [], [], []
        for place, window in enumerate(self.unfinished):
            going_on = 0
            for choice in order[place]:
                if going_on == beams:
                    break
                row = place * beams + choice // (beams + 1)
                flat = row * (beams + 1) + choice % (beams + 1)
                if candidates[flat] == self.tokenizer.eot:
                    ending = candidate_logprobs[flat]
                    self._set_aside(window, row, finished=True, end_logprob=ending)
                    continue
                rows.append(row)
                tokens.append(candidates[flat])
                added.append(candidate_logprobs[flat])
                going_on += 1
            if len(self.candidates[window]) >= beams:
                done.append(place)

        kept = torch.tensor(rows, device=self.tokens.device)
        self.cache.keep_rows(kept)
        self.tokens = torch.cat([self.tokens[kept], kept.new_tensor(tokens)[:, None]], 1)
        self.logprobs = torch.cat(
            [self.logprobs[kept], self.logprobs.new_tensor(added)[:, None]], 1
        )
        if done:
            self._keep([place for place in range(len(self.unfinished)) if place not in done])

    def _set_aside(
        self, window: int, row: int, *, finished: bool, end_logprob: float | None = None
    ) -> None:
        tokens, logprobs = self.tokens[row].tolist(), self.logprobs[row].tolist()
        if end_logprob is not None:
            logprobs.append(end_logprob)
        elif finished:
            tokens.pop()  # the end token, whose log probability counts but which is no text
        self.candidates[window].append(_Hypothesis(tokens, logprobs, finished))

    def _keep(self, places: list[int]) -> None:
        """Go on with the windows at these places among the unfinished ones."""
        self.unfinished = [self.unfinished[place] for place in places]
        if places:
            windows = torch.tensor(places, device=self.tokens.device)
            self.cache.keep_windows(windows)
            shape = (-1, self.search.group, self.tokens.shape[1])
            self.tokens = self.tokens.view(shape)[windows].flatten(0, 1)
            self.logprobs = self.logprobs.view(shape)[windows].flatten(0, 1)

    def _give_up(self) -> None:
        """End everything where it is: the greatest length is reached."""
        for row in range(len(self.tokens)):
            self._set_aside(self.unfinished[row // self.search.group], row, finished=False)
        self.unfinished = []


def initial_tokens(tokenizer: Tokenizer, prompt: Sequence[int], *, max_prompt: int) -> list[int]:
    """What stands before a window's text: the end of the prompt, then language and task."""
    before = [tokenizer.sot_prev, *prompt[-max_prompt:]] if prompt else []
    return [*before, *tokenizer.sot_sequence]


class TimestampRules:
    """Which tokens may come next (`SuppressBlank`, `SuppressTokens`, `ApplyTimestampRules`)."""

    def __init__(self, tokenizer: Tokenizer, device: torch.device) -> None:
        self.eot = tokenizer.eot
        self.timestamp_begin = tokenizer.timestamp_begin
        never = {
            *tokenizer.non_speech_tokens,
            tokenizer.transcribe,
            tokenizer.translate,
            tokenizer.sot,
            tokenizer.sot_prev,
            tokenizer.sot_lm,
            tokenizer.no_speech,
            tokenizer.no_timestamps,
        }
        self.never = torch.tensor(sorted(never), device=device)

    def apply(self, logits: Tensor, tokens: Tensor) -> Tensor:
        """`logits`, float32 (rows, n_vocab), with the forbidden tokens at minus infinity, in place.

        `tokens` has shape (rows, n): what each row has said so far, without the initial tokens.
        """
        begin = self.timestamp_begin
        logits[:, self.never] = -torch.inf
        text, timestamps = logits[:, :begin], logits[:, begin:]
        if tokens.shape[1] == 0:
            text.fill_(-torch.inf)
            last_allowed = round(MAX_INITIAL_TIMESTAMP_S / SECONDS_PER_TIMESTAMP)
            timestamps[:, last_allowed + 1 :] = -torch.inf
            return logits

        # Timestamps come in pairs (an end and the next start), except just before the end.
        last = tokens[:, -1].ge(begin)
        before_last = tokens[:, -2].ge(begin) if tokens.shape[1] > 1 else torch.ones_like(last)
        timestamps.masked_fill_((last & before_last)[:, None], -torch.inf)
        text[:, : self.eot].masked_fill_((last & ~before_last)[:, None], -torch.inf)

        # They never go back, and a segment has a length: after a start comes a later end.
        latest = torch.where(tokens.ge(begin), tokens - begin, -1).amax(1)
        earliest = torch.where(last & ~before_last, latest, latest + 1)
        steps = torch.arange(timestamps.shape[1], device=logits.device)
        timestamps.masked_fill_(steps < earliest[:, None], -torch.inf)

        # If a timestamp is likelier than any single text token, it has to be a timestamp.
        prefers_timestamp = timestamps.logsumexp(1) > text.amax(1)
        text.masked_fill_(prefers_timestamp[:, None], -torch.inf)
        return logits
