"""The precision depends on the CPU and on limits of its instruction set."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from lab.asr import devices
from lab.asr.devices import Device, best_device, cpu_device, dtypes_of
from lab.asr.engine import Engine
from lab.core.errors import OptionsError
from tests.support.precisions import needs_bfloat16
from tests.support.whispers import SMALL, random_model

CPU = torch.device("cpu")


def output_with(limits: Mapping[str, str]) -> str:
    """The precision that a new process chooses with these environment variables."""
    code = (
        "from lab.asr.devices import cpu_device, best_device\n"
        "print(best_device().precision)\n"
        "try: cpu_device(bfloat16=True)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    names = {"ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY"}
    unlimited = {name: value for name, value in os.environ.items() if name not in names}
    call = [sys.executable, "-c", code]
    root = Path(devices.__file__).parents[2]
    done = subprocess.run(
        call, cwd=root, env={**unlimited, **limits}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(
    torch.cuda.is_available()
    or not devices.uses_onednn(CPU)
    or platform.machine() not in ("x86_64", "AMD64"),
    reason="there is a GPU, or no CPU that can be limited to AVX2",
)
@pytest.mark.parametrize("variable", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_limited_to_avx2_float32_is_chosen_and_bfloat16_refused(variable: str) -> None:
    output = output_with({variable: "avx2", "ATEN_CPU_CAPABILITY": "avx2"})
    assert output.startswith("float32\nOptionsError")
    assert "does not support bfloat16. Use float32, or auto" in output


@needs_bfloat16
@pytest.mark.skipif(torch.cuda.is_available(), reason="the GPU is chosen")
@pytest.mark.parametrize(
    "limit", [{"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}, {"ATEN_CPU_CAPABILITY": "avx2"}]
)
def test_bfloat16_that_would_be_emulated_is_not_chosen(limit: dict[str, str]) -> None:
    assert output_with(limit) == "float32\n"


def test_float32_is_always_supported() -> None:
    assert cpu_device().dtype == torch.float32
    assert torch.float32 in dtypes_of(CPU)
    assert best_device().dtype == dtypes_of(best_device().torch_device)[0]


def test_there_is_no_device_with_an_unsupported_precision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(devices, "dtypes_of", lambda _device: (torch.float32,))
    with pytest.raises(OptionsError, match=r"My CPU does not support bfloat16\. Use float32"):
        Device(CPU, torch.bfloat16, "My CPU")
    engine = Engine(random_model(SMALL), name="small", device=cpu_device())
    assert {parameter.dtype for parameter in engine.network.model.parameters()} == {torch.float32}
    assert not engine.network.quantizes


@pytest.mark.parametrize("capability", [True, False])
def test_a_gpu_uses_bfloat16_if_supported(
    capability: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda _emulated: capability)
    fastest, *others = dtypes_of(torch.device("cuda"))
    assert fastest == (torch.bfloat16 if capability else torch.float16)
    assert others[-1] == torch.float32
    assert (torch.bfloat16 in others) is False
