"""Frames and spectra of a recording, block by block: an hour's complex spectrum takes 740 MB.

Frames are those of librosa with `center=True`: frame t is centred on sample t · hop_length, and the
recording is padded with zeros.
"""

from collections.abc import Callable, Iterator

import numpy as np

from lab.audio import Samples
from lab.core.errors import OptionsError
from lab.features.feature import FloatArray
from lab.features.settings import FeatureSettings

# An hour with the source lab's settings takes 0.37 GB. With the samples, the libraries and a copy
# for the next step, 0.8 GB stays below 1.5 GB in total.
MAX_ARRAY_BYTES = 800_000_000
# Samples per block of frames, including overlaps: 4 MB, and as much again for each step.
_BLOCK_VALUES = 1 << 20


def count(n_samples: int, *, frame_length: int, hop_length: int) -> int:
    """Return the number of frames; for an even frame_length 1 + n_samples // hop_length."""
    return 1 + (n_samples + 2 * (frame_length // 2) - frame_length) // hop_length


def blocks(
    samples: Samples, *, frame_length: int, hop_length: int, first: int = 0, last: int | None = None
) -> Iterator[tuple[int, Samples]]:
    """Yield blocks of frames from `first` to before `last` (default: all).

    Each is the index of its first frame and the samples under its frames, which `center=False`
    divides into exactly those frames.

    samples: float32, shape (n,)
    """
    if last is None:
        last = count(len(samples), frame_length=frame_length, hop_length=hop_length)
    n_frames = max(_BLOCK_VALUES // frame_length, 1)
    for start in range(first, last, n_frames):
        begin = start * hop_length - frame_length // 2
        end = (min(start + n_frames, last) - 1) * hop_length - frame_length // 2 + frame_length
        block = samples[max(begin, 0) : end]
        yield start, np.pad(block, (max(-begin, 0), end - max(begin, 0) - len(block)))


def per_frame(
    samples: Samples,
    function: Callable[[Samples], FloatArray],
    *,
    frame_length: int,
    hop_length: int,
) -> FloatArray:
    """Return one value per frame, shape (frames,).

    function: from a block of samples to the values of its frames
    """
    framing = {"frame_length": frame_length, "hop_length": hop_length}
    values = np.empty(count(len(samples), **framing), np.float32)
    for start, block in blocks(samples, **framing):
        part = function(block)
        values[start : start + len(part)] = part
    return values


def power_blocks(
    samples: Samples, settings: FeatureSettings, *, first: int = 0, last: int | None = None
) -> Iterator[tuple[int, FloatArray]]:
    """Yield |STFT|² of the frames from `first` to before `last` (default: all), block by block.

    Each block is the index of its first frame, and float32, shape (1 + n_fft // 2, frames).
    """
    import librosa

    framing = {"frame_length": settings.n_fft, "hop_length": settings.hop_length}
    for start, block in blocks(samples, **framing, first=first, last=last):
        spectrum = librosa.stft(
            block,
            n_fft=settings.n_fft,
            hop_length=settings.hop_length,
            window=settings.window,
            center=False,
        )
        yield start, librosa.util.abs2(spectrum)


def empty(n_rows: int, n_frames: int) -> FloatArray:
    """Allocate an array; raises OptionsError if it exceeds the memory limit."""
    n_bytes = 4 * n_rows * n_frames
    if n_bytes > MAX_ARRAY_BYTES:
        raise OptionsError(
            f"An array of {n_rows:,} × {n_frames:,} values takes {n_bytes / 1e9:.1f} GB, more "
            f"than the limit of {MAX_ARRAY_BYTES / 1e9:.1f} GB. Choose a hop length "
            f"{n_bytes / MAX_ARRAY_BYTES:.2g} times as long, a shorter window, or an excerpt of "
            "the recording."
        )
    return np.empty((n_rows, n_frames), np.float32)
