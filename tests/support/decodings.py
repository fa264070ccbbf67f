"""Decode all windows, and fabricate decoding results."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from whisper.tokenizer import Tokenizer

from lab.asr.decoding import DecodedWindow, Decoder
from lab.asr.network import Network


def decode_all(
    network: Network,
    tokenizer: Tokenizer,
    features: Iterable[Tensor],
    *,
    capacity: int | None = None,
    temperature: float = 0.0,
    **options: Any,
) -> list[DecodedWindow]:
    """Decode windows, and return the results in their order.

    features: of each window, shape (encoder frames, state), of any number of frames
    capacity: how many are decoded side by side; the others join when slots are free
    options: those of `Decoder`
    """
    waiting = list(enumerate(features))
    count = len(waiting)
    decoder: Decoder[int] = Decoder(
        network,
        tokenizer,
        capacity=capacity or count,
        audio_ctx=max(len(window) for _, window in waiting),
        **options,
    )
    results: dict[int, DecodedWindow] = {}
    with torch.inference_mode():
        while len(results) < count:
            joining, waiting = waiting[: decoder.free_slots], waiting[decoder.free_slots :]
            for _, group in groupby(joining, key=lambda window: len(window[1])):
                tags, windows = zip(*group, strict=True)
                decoder.add(torch.stack(windows), tags, [temperature] * len(tags))
            results |= decoder.step()
    return [results[index] for index in range(count)]


def decoded(tokenizer: Tokenizer, *parts: str | float, **fields: Any) -> DecodedWindow:
    """A result composed of texts and timestamps in seconds, such as 0.0, " a", 1.0."""
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
    return DecodedWindow(**{**defaults, **fields})
