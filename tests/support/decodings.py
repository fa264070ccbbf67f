"""Decodings from the first window to the last, and results that are made up."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from whisper.tokenizer import Tokenizer

from lab.asr.decoding import Decoded, Decoder
from lab.asr.network import Network


def decode_all(
    network: Network,
    tokenizer: Tokenizer,
    features: Iterable[Tensor],
    *,
    capacity: int | None = None,
    temperature: float = 0.0,
    **options: Any,
) -> list[Decoded]:
    """What a decoder makes of windows, in their order.

    features: of each window, shape (positions, state); not necessarily equally many positions
    capacity: how many are decoded side by side; the others join as there is room
    options: those of `Decoder`
    """
    waiting = list(enumerate(features))
    count = len(waiting)
    decoder: Decoder[int] = Decoder(
        network,
        tokenizer,
        capacity=capacity or count,
        positions=max(len(window) for _, window in waiting),
        **options,
    )
    found: dict[int, Decoded] = {}
    with torch.inference_mode():
        while len(found) < count:
            joining, waiting = waiting[: decoder.free], waiting[decoder.free :]
            for _, group in groupby(joining, key=lambda window: len(window[1])):
                tags, windows = zip(*group, strict=True)
                decoder.admit(torch.stack(windows), tags, [temperature] * len(tags))
            found |= decoder.advance()
    return [found[number] for number in range(count)]


def decoded(tokenizer: Tokenizer, *parts: str | float, **fields: Any) -> Decoded:
    """A result whose text is made of texts and timestamps in seconds, such as 0.0, " a", 1.0."""
    tokens: list[int] = []
    for part in parts:
        if isinstance(part, str):
            tokens += tokenizer.encode(part)
        else:
            tokens.append(tokenizer.timestamp_begin + round(part / 0.02))
    defaults: dict[str, Any] = {
        "tokens": tuple(tokens),
        "token_logprobs": (-0.1,) * len(tokens),
        "text": "".join(part for part in parts if isinstance(part, str)).strip(),
        "avg_logprob": -0.1,
        "no_speech_prob": 0.0,
        "temperature": 0.0,
        "finished": True,
    }
    return Decoded(**{**defaults, **fields})
