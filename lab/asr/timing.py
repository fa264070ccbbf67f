"""Words: which tokens make one, how sure the model was of it, and when it was said.

The times are openai-whisper's (`whisper.timing.find_alignment`: the attention of the alignment
heads, normalised, median-filtered, and the cheapest path through it), taken from audio features
that are already there.
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

_SECONDS_PER_POSITION = 0.02
_MEDIAN_FILTER_WIDTH = 7
# The punctuation that joins the word after it and the word before it (whisper.timing's defaults).
_PREPENDED, _APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"
_SENTENCE_ENDS = ".。!！?？"
_MAX_MEDIAN_WORD_S = 0.7

# whisper's `dtw` is compiled for parallel threads by numba, which aborts the process if two threads
# call it at once where the system has no OpenMP.
_DTW_LOCK = threading.Lock()

TokenTimestamps = NDArray[np.float64]


def words_of(
    tokenizer: Tokenizer,
    tokens: Sequence[int],
    logprobs: Sequence[float],
    times_s: TokenTimestamps | None = None,
) -> list[Word]:
    """The words of a stretch of text, punctuation joined to them.

    tokens: text tokens, without timestamps
    logprobs: their log probabilities
    times_s: when each token begins and the last one ends, one more than tokens; or None
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
    if times_s is not None:
        _shorten_at_sentence_ends(timings)
    merge_punctuations(timings, _PREPENDED, _APPENDED)
    timed = times_s is not None
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
    """When each token of a window begins and the last one ends, in seconds of the window.

    features: shape (positions, n_audio_state), of `Network.encode`
    text: the text tokens of the window, without timestamps, at least one
    duration_s: how much audio is in the window, up to 30 s

    Returns one element more than there are tokens.
    """
    before = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
    tokens = torch.tensor([[*before, *text, tokenizer.eot]], device=network.device)
    cross = network.cross(features[None])
    queries = network.prefill(tokens, cross).cross_queries
    attention = _alignment_attention(network, queries, [keys for keys, _ in cross])

    positions = max(round(duration_s / _SECONDS_PER_POSITION), 1)
    weights = attention[:, :, :positions].softmax(-1)
    deviation, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    weights = median_filter((weights - mean) / deviation, _MEDIAN_FILTER_WIDTH)
    matrix = weights.mean(0)[len(before) - 1 : -1]
    with _DTW_LOCK:
        text_indices, time_indices = dtw(-matrix)
    first_of_token = np.diff(text_indices, prepend=-1).astype(bool)
    times: TokenTimestamps = time_indices[first_of_token] * _SECONDS_PER_POSITION
    return times


def _alignment_attention(
    network: Network, queries: Sequence[Tensor], keys: Sequence[Tensor]
) -> Tensor:
    """Attention logits of the alignment heads for one window, float32, (heads, tokens, positions).

    queries, keys: of each layer, shape (1, heads, tokens or positions, head width)
    """
    heads = network.model.alignment_heads.indices().T.tolist()
    scale = queries[0].shape[-1] ** -0.5
    return torch.stack(
        [
            (queries[layer][0, head].float() @ keys[layer][0, head].float().mT) * scale
            for layer, head in heads
        ]
    )


def _shorten_at_sentence_ends(timings: list[WordTiming]) -> None:
    """Pauses between sentences belong to no word: cut words there to twice the usual length.

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
