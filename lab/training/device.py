"""Where a training computes, and in which precision."""

from typing import Final

from lab.asr.devices import Device, best_device, dtypes_of, precision_of, processor
from lab.core.errors import OptionsError
from lab.training.config import Config

AUTO: Final = "auto"


def device_for(config: Config) -> Device:
    """The device of a training; raises OptionsError where this machine has no such device."""
    import torch

    device = best_device()
    on_gpu = device.torch_device.type == "cuda"
    if config.accelerator == "gpu" and not on_gpu:
        raise OptionsError("There is no GPU here that could train. Set accelerator to auto.")
    if config.accelerator == "cpu" and on_gpu:
        device = processor()
    if config.precision == AUTO:
        return device
    return Device(device.torch_device, getattr(torch, config.precision), device.name)


def precisions() -> tuple[str, ...]:
    """The values of `Config.precision` that this machine can train in."""
    return (AUTO, *map(precision_of, dtypes_of(best_device().torch_device)))
