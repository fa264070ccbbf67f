"""A run is only created with a precision and a device that this machine supports."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from lab.asr import devices
from lab.core.errors import OptionsError
from lab.core.workspace import Workspace
from lab.training import run_creation, runs
from lab.training.device import device_for, precisions
from tests.support.runs import QUICK, noises


@pytest.fixture(autouse=True)
def _only_float32(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A typical machine: no GPU, no AVX-512."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "dtypes_of", lambda _device: (torch.float32,))
    monkeypatch.setattr("lab.training.device.dtypes_of", devices.dtypes_of)
    devices.best_device.cache_clear()
    yield
    devices.best_device.cache_clear()


def test_only_supported_precisions_are_offered() -> None:
    assert precisions() == ("auto", "float32")
    assert device_for(replace(QUICK, precision="auto")).dtype == torch.float32


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_an_unsupported_precision_is_refused_and_no_run_created(
    precision: str, workspace: Workspace
) -> None:
    config = QUICK.with_overrides([f"precision={precision}"])
    with pytest.raises(OptionsError, match=f"does not support {precision}. Use float32, or auto"):
        run_creation.create_run(workspace, noises(workspace), config)
    assert not runs.list_all(workspace)


def test_a_missing_gpu_is_refused() -> None:
    with pytest.raises(OptionsError, match="has no GPU"):
        device_for(replace(QUICK, accelerator="gpu"))
