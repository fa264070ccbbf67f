"""Estimates the memory that a training requires, and the largest batch that fits.

Checked in advance: a process that runs out of main memory is killed without an error message.
"""

from dataclasses import replace

import torch
from whisper.model import Whisper

from lab.asr.devices import Device
from lab.asr.memory import free_bytes
from lab.audio import SAMPLE_RATE
from lab.core.errors import OptionsError
from lab.training.config import Config
from lab.training.forward import uses_gradient_checkpointing
from lab.training.run import is_main_process

# Activations kept for the backward pass, in bytes, measured with base. Per hidden unit: of a block,
# of the output of a block, and of the keys and values of cross-attention. Per logit.
_PER_UNIT = {torch.float32: 90, torch.bfloat16: 60, torch.float16: 60}
_PER_OUTPUT_UNIT, _PER_CROSS_UNIT, _PER_LOGIT = 4, 12, 14
# A weight in float32; if it is trained, also its gradient and AdamW's two moments.
_WEIGHT, _TRAINED = 4, 12
_ENCODER_FRAMES_PER_S, _TOKENS_PER_S = 50, 8


def required_bytes(model: Whisper, config: Config, device: Device, *, longest_s: float) -> int:
    """Peak memory of a training, without the program itself.

    longest_s: duration of the longest clip
    """
    dims, parameters = model.dims, list(model.parameters())
    n_trained = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    n_weights = sum(parameter.numel() for parameter in parameters)
    # In long-form batches several clips share a window, but the longest may have its own.
    window_s = min(longest_s + 2, config.max_audio_samples / SAMPLE_RATE)
    frames = config.batch_size * window_s * _ENCODER_FRAMES_PER_S
    tokens = config.batch_size * min(window_s * _TOKENS_PER_S, config.max_tokens)
    per_unit = _PER_UNIT[device.dtype]
    if uses_gradient_checkpointing(int(frames), device.torch_device):
        encoder = per_unit + _PER_OUTPUT_UNIT * dims.n_audio_layer
    else:
        encoder = per_unit * dims.n_audio_layer
    units = frames * (encoder + _PER_CROSS_UNIT * dims.n_text_layer)
    units += tokens * per_unit * dims.n_text_layer
    activations = units * dims.n_audio_state + _PER_LOGIT * tokens * dims.n_vocab
    total: int = _WEIGHT * n_weights + _TRAINED * n_trained + int(activations)
    return total


def check(model: Whisper, config: Config, device: Device, *, longest_s: float) -> None:
    """Raise OptionsError, naming the batch size that fits, if there is not enough memory."""
    free = free_bytes(device.torch_device)
    # On CPUs all processes share the memory; the first one checks for all.
    checks_for_all = device.torch_device.type == "cpu" and is_main_process()
    n_models = config.devices if checks_for_all else 1

    def fits(batch_size: int) -> bool:
        smaller = replace(config, batch_size=batch_size)
        return required_bytes(model, smaller, device, longest_s=longest_s) * n_models <= free

    if not fits(config.batch_size):
        largest = next((size for size in range(config.batch_size - 1, 0, -1) if fits(size)), 0)
        raise OptionsError(out_of_memory_advice(config, largest, is_certain=True))


def out_of_memory_advice(config: Config, batch_size: int, *, is_certain: bool = False) -> str:
    """What happened and what to do if there is not enough memory.

    batch_size: that fits, or may fit unless `is_certain`; below 1 if none does
    """
    if batch_size < 1:
        return (
            "This machine does not have enough memory to train this model. Choose a smaller one, "
            "or trainable: lora, or close other programs."
        )
    batch_size = min(batch_size, max(config.batch_size - 1, 1))
    n_batches = -(-config.batch_size * config.gradient_accumulation_steps // batch_size)
    hint = f"Batches of {batch_size} fit" if is_certain else f"Try batches of {batch_size}"
    return (
        "This machine does not have enough memory for batches of "
        f"{config.batch_size} clips. {hint}: start a run with batch_size {batch_size} and "
        f"gradient_accumulation_steps {n_batches}, which has the same effect but takes longer."
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that the memory was exhausted."""
    message = str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError)
        and ("can't allocate memory" in message or "out of memory" in message)
    )
