"""What the model makes of half a minute: languages, each token with what else it could have been,
and where in the sound each word is.
"""

from dataclasses import dataclass

import torch

from lab.asr.decoding import Decoded, Decoder
from lab.asr.engine import Engine
from lab.asr.options import LanguageDetection
from lab.asr.rules import SECONDS_PER_TIMESTAMP
from lab.asr.speech import WINDOW_S, WINDOW_SAMPLES
from lab.asr.timing import token_timestamps, words_of
from lab.audio import Waveform
from lab.core.errors import AudioError, OptionsError
from lab.transcripts import Word


@dataclass(frozen=True)
class Guess:
    """A token that could come next: its text, and how probable the model finds it, 0 to 1."""

    text: str
    probability: float


@dataclass(frozen=True)
class HeardToken:
    """A token that was chosen.

    guess: the token itself; a timestamp reads as "<|1.40|>"
    is_timestamp: whether it is a time and not text
    alternatives: the likeliest tokens at this place, the likeliest first, itself mostly among them
    """

    guess: Guess
    is_timestamp: bool
    alternatives: tuple[Guess, ...]


@dataclass(frozen=True)
class Inspection:
    """What the model made of a stretch of sound.

    language: what it detected, before anything was said to it
    tokens: in order, timestamps among them
    words: with their times in the stretch, seconds
    """

    language: LanguageDetection
    text: str
    tokens: tuple[HeardToken, ...]
    words: tuple[Word, ...]


def inspect(
    engine: Engine, waveform: Waveform, *, language: str | None = None, alternatives: int = 5
) -> Inspection:
    """Decode greedily, and look at every step.

    waveform: 16 kHz, at most 30 s
    language: what is decoded as spoken; the likeliest one where not given
    alternatives: how many for each token

    The probabilities are the model's own, before Whisper's rules on timestamps: where those ruled
    the likeliest token out, the chosen one stands lower.

    Raises AudioError for a longer stretch or an empty one, OptionsError for an unknown language.
    """
    if not 0 < len(waveform.samples) <= WINDOW_SAMPLES:
        raise AudioError(
            f"Whisper hears {WINDOW_S} s at once, and this is {waveform.duration_s:.1f} s. "
            "Choose a shorter stretch."
        )
    network = engine.network
    with engine.lock, torch.inference_mode():
        features = network.encode(engine.log_mels([waveform.samples]))
        (detection,) = engine.detect(features)
        if language is not None and language not in detection.probabilities:
            raise OptionsError(f'The model {engine.name} does not know the language "{language}".')
        tokenizer = engine.tokenizer(language or detection.language)
        decoded = _decoded(engine, language or detection.language, features)
        before = list(tokenizer.sot_sequence)
        tokens = torch.tensor([[*before, *decoded.tokens]], device=network.device)
        logits = network.logits(network.prefill(tokens, network.cross(features)).hidden[0])
        # What comes after a token is what the logits at its place say.
        rows = logits[len(before) - 1 : -1].softmax(-1)
        best = rows.topk(alternatives)
        text = [token for token in decoded.tokens if token < tokenizer.eot]
        times = (
            token_timestamps(network, tokenizer, features[0], text, waveform.duration_s)
            if text
            else None
        )

    def named(token: int) -> str:
        if token >= tokenizer.timestamp_begin:
            return f"<|{(token - tokenizer.timestamp_begin) * SECONDS_PER_TIMESTAMP:.2f}|>"
        return str(tokenizer.decode([token]))

    heard = tuple(
        HeardToken(
            Guess(named(token), float(row[token])),
            token >= tokenizer.timestamp_begin,
            tuple(
                Guess(named(other), probability)
                for other, probability in zip(others.tolist(), probabilities.tolist(), strict=True)
            ),
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
    words = tuple(words_of(tokenizer, text, logprobs, times)) if text else ()
    return Inspection(detection, decoded.text.strip(), heard, words)


def _decoded(engine: Engine, language: str, features: torch.Tensor) -> Decoded:
    """The greedy result for the only window in `features`."""
    decoder: Decoder[str] = Decoder(
        engine.network,
        engine.tokenizer(language),
        capacity=1,
        positions=features.shape[1],
        beam_size=1,
        prompt=[],
        generator=torch.Generator(engine.network.device).manual_seed(0),
    )
    decoder.admit(features, [language], [0.0])
    while True:
        for _, decoded in decoder.advance():
            return decoded
