"""Lossless reading and writing of PCM WAV files with 16 or 24 bits."""

import io
import os
import wave
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

# Frames converted at a time, to save memory.
_BLOCK = 1 << 20


def write(file: BinaryIO, samples: Samples, *, sample_rate: int, bits: int = 16) -> None:
    """Write a PCM WAV file; samples beyond ±1 are clipped.

    samples: float32, shape (n,) or (n_channels, n)
    bits: 16 or 24; multiples of 1/32768 (24 bits: 1/8388608) are stored exactly
    """
    channels = np.atleast_2d(samples)
    full_scale = 2 ** (bits - 1)
    with wave.open(file, "wb") as out:
        out.setnchannels(len(channels))
        out.setsampwidth(bits // 8)
        out.setframerate(sample_rate)
        for start in range(0, channels.shape[1], _BLOCK):
            # Double precision: float32 cannot represent the highest 24-bit level and a fraction.
            block = channels[:, start : start + _BLOCK].T.astype(np.float64)
            levels = np.rint(block * full_scale).clip(-full_scale, full_scale - 1)
            octets = np.ascontiguousarray(levels.astype("<i4")).view(np.uint8).reshape(-1, 4)
            out.writeframesraw(octets[:, : bits // 8].tobytes())


def encode(samples: Samples, *, sample_rate: int, bits: int = 16) -> bytes:
    """Return the bytes of the file that `write` writes."""
    buffer = io.BytesIO()
    write(buffer, samples, sample_rate=sample_rate, bits=bits)
    return buffer.getvalue()


def read(path: str | os.PathLike[str], start: int = 0, end: int | None = None) -> Samples:
    """Read the samples `start` to `end` of a file written by `write`.

    Returns float32, shape (n,) or, with several channels, (n_channels, n).
    Raises OSError, or wave.Error if it is not a WAV file.
    """
    with wave.open(os.fspath(path), "rb") as file:
        n_bytes, n_channels = file.getsampwidth(), file.getnchannels()
        file.setpos(min(start, file.getnframes()))
        last = file.getnframes() if end is None else end
        content = file.readframes(max(last - file.tell(), 0))
    octets = np.frombuffer(content, np.uint8).reshape(-1, n_bytes)
    # In the upper bytes of 32 bits the sample keeps its sign.
    widened = np.zeros((len(octets), 4), np.uint8)
    widened[:, 4 - n_bytes :] = octets
    levels = widened.view("<i4").reshape(-1, n_channels).T
    samples: Samples = levels.astype(np.float32) / np.float32(2**31)
    return samples[0] if n_channels == 1 else samples
