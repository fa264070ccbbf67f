"""The device and precision in which a model runs, chosen by the hardware of this machine.

A Device cannot be created in a precision that its hardware does not support, so that no code that
receives one has to check.
"""

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lab.core.errors import OptionsError

if TYPE_CHECKING:
    import torch

# oneDNN's CPU dispatcher control, which limits the instruction set for tests and comparisons. These
# instruction sets do not multiply bfloat16.
_ISA_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
_ISAS_WITHOUT_BFLOAT16 = frozenset(
    ["SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI"]
)


@dataclass(frozen=True)
class Device:
    """A torch device with the precision of the weights and a readable name.

    Raises OptionsError if the device does not support that precision.
    """

    torch_device: "torch.device"
    dtype: "torch.dtype"
    name: str

    def __post_init__(self) -> None:
        supported = dtypes_of(self.torch_device)
        if self.dtype not in supported:
            alternatives = " or ".join(precision_of(dtype) for dtype in supported)
            raise OptionsError(
                f"{self.name} does not support {self.precision}. Use {alternatives}, or auto."
            )

    @property
    def precision(self) -> str:
        """`float32`, `bfloat16` or `float16`."""
        return precision_of(self.dtype)


def precision_of(dtype: "torch.dtype") -> str:
    """The name of a dtype in settings and pages: `float32`, `bfloat16` or `float16`."""
    return str(dtype).removeprefix("torch.")


@cache
def best_device() -> Device:
    """The GPU if there is one, else the CPU, in its fastest precision."""
    import torch

    if torch.cuda.is_available():
        device, name = torch.device("cuda"), torch.cuda.get_device_name()
    else:
        device, name = torch.device("cpu"), cpu_name()
    return Device(device, dtypes_of(device)[0], name)


def cpu_device(*, bfloat16: bool = False) -> Device:
    """The CPU, in float32 (the reference) unless `bfloat16`.

    Raises OptionsError if it does not support bfloat16.
    """
    import torch

    dtype = torch.bfloat16 if bfloat16 else torch.float32
    return Device(torch.device("cpu"), dtype, cpu_name())


def dtypes_of(device: "torch.device") -> tuple["torch.dtype", ...]:
    """The dtypes that `device` supports for weights, the fastest one first.

    A GPU supports bfloat16 from compute capability 8.0 on. A CPU does so with AVX512-BF16 or AMX;
    with AVX-512 alone oneDNN emulates it, slower than float32; with less it refuses it.
    """
    import torch

    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(False):
            return (torch.bfloat16, torch.float16, torch.float32)
        return (torch.float16, torch.float32)
    if not uses_onednn(device):  # torch's own operations emulate bfloat16
        return (torch.float32, torch.bfloat16)
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return (torch.float32,)
    if _multiplies_bfloat16():
        return (torch.bfloat16, torch.float32)
    return (torch.float32, torch.bfloat16)


def uses_onednn(device: "torch.device") -> bool:
    """Whether matrix products on `device` are computed by oneDNN."""
    import torch

    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return device.type == "cpu" and available


def _multiplies_bfloat16() -> bool:
    """Whether the CPU has bfloat16 multiplication that oneDNN may use."""
    import torch

    capabilities = torch.cpu.get_capabilities()
    has_instructions = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    # The capabilities are the CPU's; torch and oneDNN may be limited to fewer.
    limit = next((os.environ[name] for name in _ISA_VARIABLES if os.environ.get(name)), "")
    is_unlimited = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return bool(has_instructions) and is_unlimited and limit.upper() not in _ISAS_WITHOUT_BFLOAT16


def cpu_name() -> str:
    """The model name of the CPU; does not import torch."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
