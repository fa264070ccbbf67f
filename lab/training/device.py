"""The device and the precision of a training."""

from typing import Final

from lab.asr.devices import Device, best_device, cpu_device, dtypes_of, precision_of
from lab.core.errors import OptionsError
from lab.training.config import Config

AUTO: Final = "auto"


def device_for(config: Config) -> Device:
    """The device to train on; raises OptionsError if this machine does not have it."""
    import torch

    device = best_device()
    on_gpu = device.torch_device.type == "cuda"
    if config.accelerator == "gpu" and not on_gpu:
        raise OptionsError("This machine has no GPU that can train. Set accelerator to auto.")
    if config.accelerator == "cpu" and on_gpu:
        device = cpu_device()
    if config.precision == AUTO:
        return device
    return Device(device.torch_device, getattr(torch, config.precision), device.name)


def precisions() -> tuple[str, ...]:
    """The values of `Config.precision` that this machine supports."""
    return (AUTO, *map(precision_of, dtypes_of(best_device().torch_device)))
