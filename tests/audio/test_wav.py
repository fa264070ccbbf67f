"""WAV files are read back exactly, also in part."""

import io
from pathlib import Path

import numpy as np
import pytest

from lab.audio import wav


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("shape", [(1_000,), (2, 777), (1_100_000,)])
def test_written_samples_are_read_back(shape: tuple[int, ...], bits: int, tmp_path: Path) -> None:
    full_scale = 2 ** (bits - 1)
    levels = np.random.default_rng(0).integers(-full_scale, full_scale, shape)
    samples = (levels / full_scale).astype(np.float32)
    with (tmp_path / "a.wav").open("wb") as file:
        wav.write(file, samples, sample_rate=8_000, bits=bits)
    np.testing.assert_array_equal(wav.read(tmp_path / "a.wav"), samples)
    np.testing.assert_array_equal(wav.read(tmp_path / "a.wav", 10, 50), samples[..., 10:50])
    beyond = wav.read(tmp_path / "a.wav", 700, 2_000_000)
    np.testing.assert_array_equal(beyond, samples[..., 700:])


def test_an_empty_file_can_be_written() -> None:
    buffer = io.BytesIO()
    wav.write(buffer, np.zeros(0, np.float32), sample_rate=8_000)
    assert len(buffer.getvalue()) == 44
