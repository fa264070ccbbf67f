"""Marks for tests of a precision that this machine may not support."""

import pytest
import torch

from lab.asr.devices import dtypes_of

needs_bfloat16 = pytest.mark.skipif(
    torch.bfloat16 not in dtypes_of(torch.device("cpu")),
    reason="this CPU, or its configured instruction set, does not support bfloat16",
)
PRECISIONS = [torch.float32, pytest.param(torch.bfloat16, marks=needs_bfloat16)]
