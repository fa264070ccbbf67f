"""Tests of a precision run where this machine computes in it."""

import pytest
import torch

from lab.asr.devices import dtypes_of

needs_bfloat16 = pytest.mark.skipif(
    torch.bfloat16 not in dtypes_of(torch.device("cpu")),
    reason="this CPU, or what it is held to, does not compute in bfloat16",
)
PRECISIONS = [torch.float32, pytest.param(torch.bfloat16, marks=needs_bfloat16)]
