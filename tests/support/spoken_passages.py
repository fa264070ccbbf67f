"""Recordings made of spoken prompts, and where clips cut them.

Speech is located in the prompts before noise is added: frames less than 40 dB below a prompt's
maximum, including gaps of less than 0.1 s, since the closure of a p, t or k may be so long.
A clip boundary within such a range counts as a cut inside a word. Energy is used instead of
the engine's word timestamps, because those have no gaps at pauses and are off by up to 0.1 s.
"""

import random
from collections.abc import Iterator

import numpy as np

from lab.audio import SAMPLE_RATE, Samples
from lab.preprocess import Recipe
from lab.preprocess.recipe import (
    BitDepth,
    Channel,
    HighPass,
    Level,
    ReduceNoise,
    RemoveDCOffset,
    RemoveHum,
    Resample,
    Split,
    Trim,
)
from tests.support import speech

_PAUSES_S = (0.3, 1.5)
_AUDIBLE_DB = -40.0
_FRAME_S = 0.01
_CLOSURE_S = 0.1

Stretch = tuple[float, float]
"""Beginning and end, seconds."""


def pieces(language: str, minutes: float) -> Iterator[tuple[Samples, float]]:
    """Prompts at 16 kHz and the seconds of the pause after each, until `minutes` are full."""
    prompts, chance, left_s = speech.prompts(language), random.Random(0), 60 * minutes
    waiting: list[speech.Utterance] = []
    while left_s > 0:
        waiting = waiting or chance.sample(prompts, len(prompts))
        samples = waiting.pop().load().samples
        pause_s = round(chance.uniform(*_PAUSES_S), 2)
        left_s -= len(samples) / SAMPLE_RATE + pause_s
        yield samples, pause_s


def spoken(samples: Samples) -> Iterator[Stretch]:
    """Where a clean prompt at 16 kHz can be heard, as the docstring of the module says."""
    length = round(_FRAME_S * SAMPLE_RATE)
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    powers = np.square(frames, dtype=np.float64).mean(axis=1)
    (heard,) = np.nonzero(powers > powers.max() * 10 ** (_AUDIBLE_DB / 10))
    gaps = np.diff(heard) > round(_CLOSURE_S / _FRAME_S)
    starts, ends = heard[np.r_[True, gaps]], heard[np.r_[gaps, True]] + 1
    yield from zip((starts * _FRAME_S).tolist(), (ends * _FRAME_S).tolist(), strict=True)


def covered_share(stretches: list[Stretch], clips: list[Stretch]) -> float:
    """The share of what is spoken that lies in a clip, by its length; clips do not overlap."""
    inside_s = sum(
        max(min(end_s, clip_end_s) - max(start_s, clip_start_s), 0.0)
        for start_s, end_s in stretches
        for clip_start_s, clip_end_s in clips
    )
    return inside_s / sum(end_s - start_s for start_s, end_s in stretches)


def cuts_in_words(stretches: list[Stretch], clips: list[Stretch]) -> list[float]:
    """The borders of clips that lie where somebody speaks, more than a frame from its ends."""
    borders = sorted({border for clip in clips for border in clip})
    return [
        border
        for border in borders
        for start_s, end_s in stretches
        if start_s + _FRAME_S < border < end_s - _FRAME_S
    ]


def full_recipe(sample_rate: int) -> Recipe:
    """Every step, as it is set when nobody changes it."""
    return Recipe(
        Channel(),
        Resample(sample_rate),
        RemoveDCOffset(),
        HighPass(),
        RemoveHum(),
        ReduceNoise(),
        Trim(),
        Level(),
        Split(),
        BitDepth(16),
    )
