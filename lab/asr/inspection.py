"""How the model decodes up to 30 s of audio: language, tokens with alternatives, words."""

from dataclasses import dataclass

import torch

from lab.asr.decoding import DecodedWindow, Decoder
from lab.asr.engine import Engine
from lab.asr.logit_filters import SECONDS_PER_TIMESTAMP
from lab.asr.options import LanguageDetection
from lab.asr.speech import WINDOW_S, WINDOW_SAMPLES
from lab.asr.timing import token_timestamps, words_of
from lab.audio import Waveform
from lab.core.errors import AudioError, OptionsError
from lab.transcripts import Word


@dataclass(frozen=True)
class TokenCandidate:
    """A possible next token: its text and the model's probability for it, 0 to 1."""

    text: str
    probability: float


@dataclass(frozen=True)
class DecodedToken:
    """A token of the decoded text.

    chosen: the token itself; the text of a timestamp is like "<|1.40|>"
    is_timestamp: whether it is a timestamp rather than text
    alternatives: the likeliest tokens at this position, in descending order; usually including the
        chosen one
    """

    chosen: TokenCandidate
    is_timestamp: bool
    alternatives: tuple[TokenCandidate, ...]


@dataclass(frozen=True)
class Inspection:
    """How the model decoded a waveform.

    language: the detected language, also where another one was given
    tokens: in order, including timestamps
    words: with times in seconds of the waveform
    """

    language: LanguageDetection
    text: str
    tokens: tuple[DecodedToken, ...]
    words: tuple[Word, ...]


def inspect(
    engine: Engine, waveform: Waveform, *, language: str | None = None, alternatives: int = 5
) -> Inspection:
    """Decode greedily and report the alternatives at every step.

    waveform: 16 kHz, at most 30 s
    language: code of the spoken language; by default the detected one
    alternatives: how many to report for each token

    The probabilities are the model's own, before Whisper's timestamp rules: where those excluded
    the likeliest token, the chosen one has a lower probability.

    Raises AudioError for an empty or longer waveform, OptionsError for an unknown language.
    """
    if not 0 < len(waveform.samples) <= WINDOW_SAMPLES:
        raise AudioError(
            f"Whisper decodes up to {WINDOW_S} s at once, but the selection has "
            f"{waveform.duration_s:.1f} s. Select a part of at most {WINDOW_S} s."
        )
    network = engine.network
    with engine.lock, torch.inference_mode():
        features = network.encode(engine.log_mels([waveform.samples]))
        (detection,) = engine.detect_from_features(features)
        if language is not None and language not in detection.probabilities:
            raise OptionsError(
                f'The model {engine.name} does not support the language "{language}".'
            )
        tokenizer = engine.tokenizer(language or detection.language)
        decoded = _decode_greedily(engine, language or detection.language, features)
        initial = list(tokenizer.sot_sequence)
        tokens = torch.tensor([[*initial, *decoded.tokens]], device=network.device)
        logits = network.logits(network.prefill(tokens, network.cross(features)).hidden[0])
        # The logits at a token's position predict the next token.
        rows = logits[len(initial) - 1 : -1].softmax(-1)
        best = rows.topk(alternatives)
        text = [token for token in decoded.tokens if token < tokenizer.eot]
        times_s = (
            token_timestamps(network, tokenizer, features[0], text, waveform.duration_s)
            if text
            else None
        )

    def candidate(token: int, probability: float) -> TokenCandidate:
        if token >= tokenizer.timestamp_begin:
            time_s = (token - tokenizer.timestamp_begin) * SECONDS_PER_TIMESTAMP
            return TokenCandidate(f"<|{time_s:.2f}|>", probability)
        return TokenCandidate(tokenizer.decode([token]), probability)

    decoded_tokens = tuple(
        DecodedToken(
            candidate(token, float(row[token])),
            token >= tokenizer.timestamp_begin,
            tuple(map(candidate, others.tolist(), probabilities.tolist())),
        )
        for token, row, others, probabilities in zip(
            decoded.tokens, rows, best.indices, best.values, strict=True
        )
    )
    logprobs = [
        logprob
        for token, logprob in zip(decoded.tokens, decoded.token_logprobs, strict=True)
        if token < tokenizer.eot
    ]
    words = tuple(words_of(tokenizer, text, logprobs, times_s)) if text else ()
    return Inspection(detection, decoded.text.strip(), decoded_tokens, words)


def _decode_greedily(engine: Engine, language: str, features: torch.Tensor) -> DecodedWindow:
    """The greedy result for the only window in `features`."""
    decoder: Decoder[str] = Decoder(
        engine.network, engine.tokenizer(language), capacity=1, audio_ctx=features.shape[1]
    )
    decoder.add(features, [language], [0.0])
    while True:
        for _, decoded in decoder.step():
            return decoded
