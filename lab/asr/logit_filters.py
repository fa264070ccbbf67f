"""Which tokens may come next: openai-whisper's `SuppressTokens`, `SuppressBlank`, timestamp rules.

Applied to all rows of a batch at once, each of which may be at a different position in its text.
The tests compare with the reference, `whisper.decoding`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from whisper.tokenizer import Tokenizer

# The first timestamp is at most 1 s: a window starts with speech, or shortly before.
MAX_INITIAL_TIMESTAMP_S = 1.0
SECONDS_PER_TIMESTAMP = 0.02


class LogitFilters:
    """Sets the logits of forbidden tokens to minus infinity, given the tokens so far."""

    def __init__(self, tokenizer: Tokenizer, device: torch.device) -> None:
        self._eot, self._timestamp_begin = tokenizer.eot, tokenizer.timestamp_begin
        suppressed = {
            *tokenizer.non_speech_tokens,
            tokenizer.transcribe,
            tokenizer.translate,
            tokenizer.sot,
            tokenizer.sot_prev,
            tokenizer.sot_lm,
            tokenizer.no_speech,
            tokenizer.no_timestamps,
        }
        self._suppressed = torch.tensor(sorted(suppressed), device=device)

    def apply_to_first(self, logits: Tensor) -> Tensor:
        """Allow only an early timestamp in `logits`, (rows, n_vocab), in place.

        For rows that have no tokens yet.
        """
        steps = round(MAX_INITIAL_TIMESTAMP_S / SECONDS_PER_TIMESTAMP)
        logits[:, : self._timestamp_begin] = -torch.inf
        logits[:, self._timestamp_begin + steps + 1 :] = -torch.inf
        return logits

    def apply(self, logits: Tensor, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Set forbidden tokens in `logits`, float32 (rows, n_vocab), to minus infinity, in place.

        tokens: of each row without the initial ones, at least one
        """
        begin = self._timestamp_begin
        logits[:, self._suppressed] = -torch.inf
        text, timestamps = logits[:, :begin], logits[:, begin:]

        # Timestamps come in pairs (an end and the next start), except before the end of text.
        after_pair, after_single, earliest = [], [], []
        for row, previous in enumerate(tokens):
            last = previous[-1] >= begin
            second_to_last = len(previous) < 2 or previous[-2] >= begin
            if last and second_to_last:
                after_pair.append(row)
            elif last:
                after_single.append(row)
            # They never decrease, and a segment has a duration: an end is later than its start.
            latest = next((t - begin for t in reversed(previous) if t >= begin), -1)
            earliest.append(latest if last and not second_to_last else latest + 1)
        if after_pair:
            timestamps[after_pair] = -torch.inf
        if after_single:
            text[after_single, : self._eot] = -torch.inf
        steps = torch.arange(timestamps.shape[1], device=logits.device)
        first_allowed = torch.tensor(earliest, device=logits.device)[:, None]
        timestamps.masked_fill_(steps < first_allowed, -torch.inf)

        # If timestamps together are likelier than any single text token, it must be a timestamp.
        prefers_timestamp = timestamps.logsumexp(1) > text.amax(1)
        if rows := prefers_timestamp.nonzero()[:, 0].tolist():
            text[rows] = -torch.inf
        return logits
