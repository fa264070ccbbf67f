"""Audio contexts shorter than Whisper's 30 s, with the trailing silence in a few encoder frames.

Whisper was trained on windows of 30 s: a short clip is followed by silence up to there. Without
that silence accuracy drops; with it, most of the computation is spent on silence. The encoder
frames of silence differ in little but their positional embedding, so a few dozen, sampled evenly,
represent all of them: the logarithm of how many frames each one represents is added to its
attention scores, which is what softmax over that many equal frames would give. Encoder and decoder
then compute nearly what they compute for 30 s, at a fraction of the cost
(`python -m benchmarks.clips`).

Audio features with fewer frames than the model's `n_audio_ctx` end with such silence.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor
from whisper.audio import N_SAMPLES_PER_TOKEN
from whisper.model import AudioEncoder

# Counts of encoder frames of 20 ms: Whisper's 30 s, and the shortest context that is accurate.
FULL_AUDIO_CTX = 1500
SHORT_AUDIO_CTX = 200
# A short audio context extends past the end of the speech, in steps so that few shapes occur.
_MARGIN, _STEP = 50, 50

SILENCE_FRAMES = 60
# Fractional parts of its multiples are spread evenly, without resonating with the sinusoids of the
# positional embedding.
_GOLDEN = 0.6180339887
# Mel frames appended so that the encoder frame after the last one sees nothing but silence.
_MEL_PADDING = 4


def audio_ctx_for(n_samples: int, min_audio_ctx: int) -> int:
    """The audio context for a clip of `n_samples` at 16 kHz, at least `min_audio_ctx`."""
    needed: int = n_samples // N_SAMPLES_PER_TOKEN + _MARGIN
    audio_ctx = max(-(-needed // _STEP) * _STEP, min_audio_ctx)
    # With the frames for silence added, a longer one would be no shorter than the full one.
    return audio_ctx if audio_ctx + SILENCE_FRAMES < FULL_AUDIO_CTX else FULL_AUDIO_CTX


def embed(encoder: AudioEncoder, mel: Tensor) -> Tensor:
    """The input of the encoder's first block, shape (windows, encoder frames, n_audio_state).

    mel: shape (windows, n_mels, mel frames), an even number of frames, of the encoder's dtype;
        where they are fewer than the encoder's 30 s, the last ones must be silence
    """
    audio_ctx, full = mel.shape[-1] // 2, len(encoder.positional_embedding)
    if audio_ctx < full:
        mel = F.pad(mel, (0, _MEL_PADDING), mode="replicate")
    x = F.gelu(encoder.conv1(mel))
    x = F.gelu(encoder.conv2(x)).transpose(1, 2)
    indices = torch.arange(audio_ctx, device=x.device)
    if audio_ctx < full:
        silence = silence_indices(audio_ctx, full).to(x.device)
        silent_frame = x[:, audio_ctx : audio_ctx + 1]
        x = torch.cat([x[:, :audio_ctx], silent_frame.expand(-1, len(silence), -1)], 1)
        indices = torch.cat([indices, silence])
    embedded: Tensor = x + encoder.positional_embedding[indices]
    return embedded.to(x.dtype)


# Both results are cached and needed for training even if inference computed them first: autograd
# refuses tensors created in inference mode.


@lru_cache
@torch.inference_mode(False)
def silence_indices(audio_ctx: int, full: int) -> Tensor:
    """The encoder frames that represent those from `audio_ctx` up to `full`.

    Shape (n,), with n at most `SILENCE_FRAMES`.
    """
    bounds = _bounds(audio_ctx, full)
    fractions = (_GOLDEN * torch.arange(1, len(bounds), dtype=torch.float64)).frac()
    return bounds[:-1] + (fractions * bounds.diff()).long()


@lru_cache
@torch.inference_mode(False)
def attn_bias(n_frames: int, full: int) -> Tensor | None:
    """What to add to attention scores over `n_frames` encoder frames; None if nothing.

    Natural logarithms of how many frames each one represents, float32, shape (n_frames,): 0 for
    those that represent only themselves.
    """
    if n_frames == full or n_frames <= SILENCE_FRAMES:
        return None
    audio_ctx = n_frames - SILENCE_FRAMES
    return torch.cat([torch.zeros(audio_ctx), _bounds(audio_ctx, full).diff().log()])


def _bounds(audio_ctx: int, full: int) -> Tensor:
    n_bounds = min(SILENCE_FRAMES, full - audio_ctx) + 1
    return torch.linspace(audio_ctx, full, n_bounds, dtype=torch.float64).long()
