"""The training loss, over the forward pass that inference uses."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from whisper.model import ResidualAttentionBlock, Whisper

from lab.asr import forward
from lab.training.batching import IGNORED, Batch

# From this many encoder frames in a batch on, the encoder uses gradient checkpointing.
_MANY_FRAMES = 2_000


def loss_of(model: Whisper, batch: Batch, *, label_smoothing: float = 0.0) -> Tensor:
    """The mean cross entropy of the target tokens, in nats."""
    features = forward.encode(model, batch.mels, run_block=_encoder_block)
    cross = forward.cross_keys_values(model.decoder, features)
    hidden = forward.prefill(model, batch.tokens, cross).hidden
    is_target = batch.targets != IGNORED
    # Only where there is a target: the vocabulary is most of what the decoder computes.
    logits = forward.logits(model.decoder, hidden[is_target])
    return F.cross_entropy(logits, batch.targets[is_target], label_smoothing=label_smoothing)


def uses_gradient_checkpointing(n_frames: int, device: torch.device) -> bool:
    """Whether the backward pass recomputes the encoder's activations instead of keeping them.

    n_frames: encoder frames of all windows of a batch

    On a CPU, with many frames: keeping only what is between the blocks costs a fifth of such a
    step, and saves more memory than all weights take.
    """
    return device.type == "cpu" and n_frames >= _MANY_FRAMES


def _encoder_block(block: ResidualAttentionBlock, x: Tensor, attn_bias: Tensor | None) -> Tensor:
    n_frames = x.shape[0] * x.shape[1]
    if not torch.is_grad_enabled() or not uses_gradient_checkpointing(n_frames, x.device):
        return forward.encoder_block(block, x, attn_bias)
    output: Tensor = checkpoint(
        forward.encoder_block, block, x, attn_bias, use_reentrant=False, preserve_rng_state=False
    )
    return output
