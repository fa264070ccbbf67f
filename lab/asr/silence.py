"""Whisper's 30 s in far fewer positions, where most of them are silence.

Whisper was trained on windows of 30 s: after a short clip comes silence up to there. Without that
silence it understands less well, and with it most of the work is silence. Its positions differ in
little but their place, so a few dozen, evenly drawn, stand for all of it: the logarithm of how many
each stands for is added to its scores in every attention, which is what attention would make of so
many alike. Encoder and decoder then do what they do with 30 s, nearly, at a fraction of the work
(`python -m benchmarks.clips`).

Features with fewer positions than Whisper's have such silence at their end.
"""

from functools import lru_cache

import torch
from torch import Tensor

DRAWN = 60
# Multiples of it, cut to their fraction, are spread evenly: no beat with a wave of the positions.
_GOLDEN = 0.6180339887


# Both are kept, and trainings need them although listening may have asked first: tensors that are
# made in inference mode are of no use to autograd.


@lru_cache
@torch.inference_mode(False)
def places_after(near: int, full: int) -> Tensor:
    """The positions that stand for those from `near` up to `full`, shape (at most `DRAWN`,)."""
    bounds = _bounds(near, full)
    shares = (_GOLDEN * torch.arange(1, len(bounds), dtype=torch.float64)).frac()
    return bounds[:-1] + (shares * bounds.diff()).long()


@lru_cache
@torch.inference_mode(False)
def log_counts(positions: int, full: int) -> Tensor | None:
    """What is added to the scores of features with so many positions; None if there is nothing.

    Natural logarithms, float32, shape (positions,): 0 for positions that stand for themselves.
    """
    if positions == full or positions <= DRAWN:
        return None
    near = positions - DRAWN
    return torch.cat([torch.zeros(near), _bounds(near, full).diff().log()])


def _bounds(near: int, full: int) -> Tensor:
    return torch.linspace(near, full, min(DRAWN, full - near) + 1, dtype=torch.float64).long()
