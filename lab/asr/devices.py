"""Where the model runs and in which precision, chosen by what this machine has."""

import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Device:
    """A torch device with the precision of the weights, and a name that a person can read."""

    torch_device: "torch.device"
    dtype: "torch.dtype"
    name: str

    @property
    def precision(self) -> str:
        """`float32`, `bfloat16` or `float16`."""
        return str(self.dtype).removeprefix("torch.")


@cache
def best_device() -> Device:
    """The GPU where there is one, else the processor; the fastest precision that each computes.

    bfloat16 needs AVX512-BF16 or AMX on a processor (elsewhere it is emulated, slower than
    float32) and compute capability 8.0 on a GPU; an older GPU takes float16.
    """
    import torch

    if torch.cuda.is_available():
        dtype = torch.bfloat16 if torch.cuda.is_bf16_supported(False) else torch.float16
        return Device(torch.device("cuda"), dtype, torch.cuda.get_device_name())
    return processor(bfloat16=_processor_computes_bfloat16())


def processor(*, bfloat16: bool = False) -> Device:
    """The processor, in float32 (the reference) unless `bfloat16`."""
    import torch

    dtype = torch.bfloat16 if bfloat16 else torch.float32
    return Device(torch.device("cpu"), dtype, processor_name())


def _processor_computes_bfloat16() -> bool:
    import torch

    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def processor_name() -> str:
    """The processor as its maker calls it; known without loading torch."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
