"""Words: their tokens, probability and timestamps.

The timestamps are openai-whisper's (`whisper.timing.find_alignment`: the cross-attention of the
alignment heads, normalized, median-filtered and aligned by dynamic time warping), computed from the
audio features of the decoding.
"""

import threading
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from whisper.timing import WordTiming, dtw, median_filter, merge_punctuations
from whisper.tokenizer import Tokenizer

from lab.asr.network import Network
from lab.transcripts import Word

_SECONDS_PER_FRAME = 0.02
_MEDIAN_FILTER_WIDTH = 7
# Punctuation merged with the next word and with the previous one (whisper.timing's defaults).
_PREPENDED, _APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"
_SENTENCE_ENDS = ".。!！?？"
_MAX_MEDIAN_WORD_S = 0.7

# numba compiles whisper's `dtw` with parallel threads, and aborts the process if two threads call
# it at once on a system without OpenMP.
_DTW_LOCK = threading.Lock()

TokenTimestamps = NDArray[np.float64]


def words_of(
    tokenizer: Tokenizer,
    tokens: Sequence[int],
    logprobs: Sequence[float],
    times_s: TokenTimestamps | None = None,
) -> list[Word]:
    """The words of some text tokens, with punctuation merged into them.

    tokens: without timestamps
    logprobs: their log probabilities
    times_s: start of each token and end of the last one, one more than tokens; or None
    """
    texts, groups = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    bounds = np.cumsum([0, *map(len, groups[:-1])])
    timings = [
        WordTiming(
            text,
            list(group),
            times_s[begin] if times_s is not None else 0.0,
            times_s[end] if times_s is not None else 0.0,
            float(np.exp(logprobs[begin:end]).mean()),
        )
        for text, group, (begin, end) in zip(texts, groups, pairwise(bounds), strict=False)
    ]
    timed = times_s is not None
    if timed:
        _truncate_at_sentence_ends(timings)
    merge_punctuations(timings, _PREPENDED, _APPENDED)
    return [
        Word(
            timing.word,
            timing.probability,
            float(timing.start) if timed else None,
            float(timing.end) if timed else None,
        )
        for timing in timings
        if timing.word
    ]


def token_timestamps(
    network: Network,
    tokenizer: Tokenizer,
    features: Tensor,
    text: Sequence[int],
    duration_s: float,
) -> TokenTimestamps:
    """The start of each token of a window and the end of the last one, in seconds of the window.

    features: shape (encoder frames, n_audio_state), of `Network.encode`
    text: the text tokens of the window, without timestamps, at least one
    duration_s: the length of the window, up to 30 s
    """
    initial = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
    tokens = torch.tensor([[*initial, *text, tokenizer.eot]], device=network.device)
    cross = network.cross(features[None])
    queries = network.prefill(tokens, cross).cross_queries
    attention = _alignment_attention(network, queries, [keys for keys, _ in cross])

    n_frames = max(round(duration_s / _SECONDS_PER_FRAME), 1)
    weights = attention[:, :, :n_frames].softmax(-1)
    deviation, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    weights = median_filter((weights - mean) / deviation, _MEDIAN_FILTER_WIDTH)
    matrix = weights.mean(0)[len(initial) - 1 : -1]
    with _DTW_LOCK:
        text_indices, time_indices = dtw(-matrix)
    first_of_token = np.diff(text_indices, prepend=-1).astype(bool)
    times: TokenTimestamps = time_indices[first_of_token] * _SECONDS_PER_FRAME
    return times


def _alignment_attention(
    network: Network, queries: Sequence[Tensor], keys: Sequence[Tensor]
) -> Tensor:
    """Attention scores of the alignment heads for one window, float32, (heads, tokens, frames).

    queries, keys: of each layer, shape (1, heads, tokens or encoder frames, head width)
    """
    heads = network.model.alignment_heads.indices().T.tolist()
    scale = queries[0].shape[-1] ** -0.5
    return torch.stack(
        [
            (queries[layer][0, head].float() @ keys[layer][0, head].float().mT) * scale
            for layer, head in heads
        ]
    )


def _truncate_at_sentence_ends(timings: list[WordTiming]) -> None:
    """Truncate words next to a pause between sentences to twice the median duration.

    The same correction as in `whisper.timing.add_word_timestamps`.
    """
    durations = [timing.end - timing.start for timing in timings if timing.end > timing.start]
    longest = 2 * min(float(np.median(durations)) if durations else 0.0, _MAX_MEDIAN_WORD_S)
    for before, timing in pairwise(timings):
        if timing.end - timing.start > longest:
            if timing.word in _SENTENCE_ENDS:
                timing.end = timing.start + longest
            elif before.word in _SENTENCE_ENDS:
                timing.start = timing.end - longest
