"""How much memory a training takes, and the batch that fits.

Asked before it begins: a processor's memory that is full ends the process without a word.
"""

from dataclasses import replace

import torch
from whisper.model import ModelDimensions, Whisper

from lab.asr.devices import Device
from lab.asr.memory import free_bytes
from lab.audio import SAMPLE_RATE
from lab.core.errors import OptionsError
from lab.training.config import Config
from lab.training.forward import keeps_all
from lab.training.state import is_main_process

# What is kept from the way forward, in bytes, measured with base: for each position of a block as a
# multiple of the width; of that, what is between two blocks; what a block of the decoder keeps of
# each position that it attends to; and for each predicted token, as a multiple of the vocabulary.
_PER_STATE = {torch.float32: 90, torch.bfloat16: 60, torch.float16: 60}
_BETWEEN, _ATTENDED_TO, _PER_LOGIT = 4, 12, 14
# A weight in float32, and where it is trained its gradient and AdamW's two means.
_WEIGHT, _TRAINED = 4, 12
_POSITIONS_PER_S, _TOKENS_PER_S = 50, 8


def needed_bytes(model: Whisper, config: Config, device: Device, *, longest_s: float) -> int:
    """What a training takes at most beside the program itself.

    longest_s: of the clips
    """
    parameters = list(model.parameters())
    n_trained = sum(one.numel() for one in parameters if one.requires_grad)
    weights: int = _WEIGHT * sum(one.numel() for one in parameters) + _TRAINED * n_trained
    return weights + _batch_bytes(model.dims, config, device, longest_s)


def check(model: Whisper, config: Config, device: Device, *, longest_s: float) -> None:
    """Raises OptionsError, naming the batch that fits, where the memory is not enough."""
    free = free_bytes(device.torch_device)
    # Each process on a processor has a model of its own; those after the first find that one there.
    has_all = device.torch_device.type == "cpu" and is_main_process()
    n_models = config.devices if has_all else 1

    def is_enough(batch_size: int) -> bool:
        smaller = replace(config, batch_size=batch_size)
        return needed_bytes(model, smaller, device, longest_s=longest_s) * n_models <= free

    if not is_enough(config.batch_size):
        fits = next((size for size in range(config.batch_size - 1, 0, -1) if is_enough(size)), 0)
        raise OptionsError(too_little(config, fits, is_known=True))


def too_little(config: Config, fits: int, *, is_known: bool = False) -> str:
    """What to do where memory is not enough.

    fits: clips in a batch, below 1 where none does; unless `is_known`, worth a try and no more
    """
    if fits < 1:
        return (
            "The memory of this machine is not enough to train this model. Choose a smaller one, "
            "or trains: lora, or close other programs."
        )
    fits = min(fits, max(config.batch_size - 1, 1))
    times = -(-config.batch_size * config.accumulate // fits)
    few = f"{fits} at a time fit" if is_known else f"Try {fits} at a time"
    return (
        f"The memory of this machine is not enough for batches of {config.batch_size} clips. "
        f"{few}: begin a run with batch_size {fits} and accumulate {times}, which learns the same "
        "more slowly."
    )


def is_full(error: BaseException) -> bool:
    """Whether `error` says that there was no memory left."""
    said = str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError)
        and ("can't allocate memory" in said or "out of memory" in said)
    )


def _batch_bytes(dims: ModelDimensions, config: Config, device: Device, longest_s: float) -> int:
    # At 30 s several clips share a window, but the longest may have one of its own.
    window_s = min(longest_s + 2, config.max_samples / SAMPLE_RATE)
    positions = config.batch_size * window_s * _POSITIONS_PER_S
    tokens = config.batch_size * min(window_s * _TOKENS_PER_S, config.max_tokens)
    per_state = _PER_STATE[device.dtype]
    if keeps_all(int(positions), device.torch_device):
        encoder = per_state * dims.n_audio_layer
    else:
        encoder = per_state + _BETWEEN * dims.n_audio_layer
    states = positions * (encoder + _ATTENDED_TO * dims.n_text_layer)
    states += tokens * per_state * dims.n_text_layer
    return int(states * dims.n_audio_state + _PER_LOGIT * tokens * dims.n_vocab)
