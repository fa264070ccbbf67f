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
import torch.nn.functional as F
from torch import Tensor
from whisper.audio import N_SAMPLES_PER_TOKEN
from whisper.model import AudioEncoder

DRAWN = 60
# Multiples of it, cut to their fraction, are spread evenly: no beat with a wave of the positions.
_GOLDEN = 0.6180339887
# Frames after the last one, so that the position after the last one hears nothing but silence.
_BEYOND_FRAMES = 4


def embedded(encoder: AudioEncoder, mel: Tensor) -> Tensor:
    """What the first block of the encoder reads, shape (windows, positions, n_audio_state).

    mel: shape (windows, n_mels, frames), of the encoder's type; an even number of frames. Where
        they are fewer than Whisper's, the last ones have to be silence
    """
    near, full = mel.shape[-1] // 2, len(encoder.positional_embedding)
    if near < full:
        mel = F.pad(mel, (0, _BEYOND_FRAMES), mode="replicate")
    x = F.gelu(encoder.conv1(mel))
    x = F.gelu(encoder.conv2(x)).transpose(1, 2)
    places = torch.arange(near, device=x.device)
    if near < full:
        drawn = places_after(near, full).to(x.device)
        x = torch.cat([x[:, :near], x[:, near : near + 1].expand(-1, len(drawn), -1)], 1)
        places = torch.cat([places, drawn])
    placed: Tensor = x + encoder.positional_embedding[places]
    return placed.to(x.dtype)


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


# Whisper hears 30 s as so many positions of 20 ms. A shorter context is computed faster: what is
# after it is silence, and heard in few positions. It has to go on after the end
# of the speech, and comes in steps so that few shapes occur.
FULL_AUDIO_CTX = 1500
SHORT_AUDIO_CTX = 200
_MARGIN, _STEP = 50, 50
_TOGETHER = 3


def clips_per_batch(min_audio_ctx: int) -> int:
    """How many clips are encoded together, for about the same work each time."""
    return 1 if min_audio_ctx == FULL_AUDIO_CTX else _TOGETHER


def audio_ctx_for(samples: int, min_audio_ctx: int) -> int:
    """In how many positions so many samples may be heard, no fewer than `min_audio_ctx`."""
    needed: int = samples // N_SAMPLES_PER_TOKEN + _MARGIN
    context = max(-(-needed // _STEP) * _STEP, min_audio_ctx)
    # With the positions of the silence a longer one would be no shorter than the full one.
    return context if context + DRAWN < FULL_AUDIO_CTX else FULL_AUDIO_CTX
