"""What may be said next: openai-whisper's `SuppressTokens`, `SuppressBlank` and timestamp rules.

Written for all rows of a batch at once, each of which may be at another place of its text.
`whisper.decoding` is the reference that the tests compare with.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from whisper.tokenizer import Tokenizer

# The first timestamp is at most 1 s: a window begins with speech, or shortly before.
MAX_INITIAL_TIMESTAMP_S = 1.0
SECONDS_PER_TIMESTAMP = 0.02


class TimestampRules:
    """Which tokens may come next, given what the rows have said."""

    def __init__(self, tokenizer: Tokenizer, device: torch.device) -> None:
        self._eot, self._begin = tokenizer.eot, tokenizer.timestamp_begin
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
        self._never = torch.tensor(sorted(never), device=device)

    def apply_to_first(self, logits: Tensor) -> Tensor:
        """`logits`, (rows, n_vocab), with all but an early timestamp at minus infinity, in place.

        For rows that have said nothing yet.
        """
        last_allowed = self._begin + round(MAX_INITIAL_TIMESTAMP_S / SECONDS_PER_TIMESTAMP)
        logits[:, : self._begin] = -torch.inf
        logits[:, last_allowed + 1 :] = -torch.inf
        return logits

    def apply(self, logits: Tensor, said: Sequence[Sequence[int]]) -> Tensor:
        """`logits`, float32 (rows, n_vocab), with the forbidden tokens at minus infinity, in place.

        said: the tokens of each row without the initial ones, at least one
        """
        logits[:, self._never] = -torch.inf
        text, timestamps = logits[:, : self._begin], logits[:, self._begin :]

        # Timestamps come in pairs (an end and the next start), except just before the end.
        after_pair, after_end, earliest = [], [], []
        for row, tokens in enumerate(said):
            last = tokens[-1] >= self._begin
            before_last = len(tokens) < 2 or tokens[-2] >= self._begin
            if last and before_last:
                after_pair.append(row)
            elif last:
                after_end.append(row)
            # They never go back, and a segment has a length: after a start comes a later end.
            latest = next((t - self._begin for t in reversed(tokens) if t >= self._begin), -1)
            earliest.append(latest if last and not before_last else latest + 1)
        if after_pair:
            timestamps[after_pair] = -torch.inf
        if after_end:
            text[after_end, : self._eot] = -torch.inf
        steps = torch.arange(timestamps.shape[1], device=logits.device)
        first_allowed = torch.tensor(earliest, device=logits.device)[:, None]
        timestamps.masked_fill_(steps < first_allowed, -torch.inf)

        # If a timestamp is likelier than any single text token, it has to be a timestamp.
        prefers_timestamp = timestamps.logsumexp(1) > text.amax(1)
        if rows := prefers_timestamp.nonzero()[:, 0].tolist():
            text[rows] = -torch.inf
        return logits
