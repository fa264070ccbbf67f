"""A recording in frames, block by block: an hour's complex spectrum would take 740 MB at once.

Frames are librosa's with `center=True`: frame t has its middle at sample t · hop_length, and beyond
both ends of the recording there are zeros.
"""

from collections.abc import Iterator

import numpy as np

from lab.audio import Samples
from lab.core.errors import OptionsError
from lab.features.feature import Numbers
from lab.features.settings import FeatureSettings

# An hour at the source lab's settings takes 0.37 GB; with the samples, the libraries and a copy
# for what is done next, 0.8 GB stay below 1.5 GB in all.
MAX_ARRAY_BYTES = 800_000_000
# The samples of a block of frames, overlaps counted: 4 MB, and as much again for each step.
_BLOCK_VALUES = 1 << 20


def count(n_samples: int, *, frame_length: int, hop_length: int) -> int:
    """How many frames there are; for an even frame_length 1 + n_samples // hop_length."""
    return 1 + (n_samples + 2 * (frame_length // 2) - frame_length) // hop_length


def blocks(
    samples: Samples, *, frame_length: int, hop_length: int, first: int = 0, last: int | None = None
) -> Iterator[tuple[int, Samples]]:
    """The frames from `first` to before `last` (default: all), as pieces of sound.

    Gives the number of the first frame of each piece, and what its frames see: cut into frames
    with `center=False` it gives exactly those.

    samples: float32, shape (n,)
    """
    if last is None:
        last = count(len(samples), frame_length=frame_length, hop_length=hop_length)
    n_frames = max(_BLOCK_VALUES // frame_length, 1)
    for start in range(first, last, n_frames):
        begin = start * hop_length - frame_length // 2
        end = (min(start + n_frames, last) - 1) * hop_length - frame_length // 2 + frame_length
        seen = samples[max(begin, 0) : end]
        yield start, np.pad(seen, (max(-begin, 0), end - max(begin, 0) - len(seen)))


def power_blocks(
    samples: Samples, settings: FeatureSettings, *, first: int = 0, last: int | None = None
) -> Iterator[tuple[int, Numbers]]:
    """|STFT|² of the frames from `first` to before `last` (default: all), block by block.

    Gives the number of the first frame of each block, and float32, shape (1 + n_fft // 2, frames).
    """
    import librosa

    cut = {"frame_length": settings.n_fft, "hop_length": settings.hop_length}
    for start, piece in blocks(samples, **cut, first=first, last=last):
        spectrum = librosa.stft(
            piece,
            n_fft=settings.n_fft,
            hop_length=settings.hop_length,
            window=settings.window,
            center=False,
        )
        yield start, librosa.util.abs2(spectrum)


def empty(n_rows: int, n_frames: int) -> Numbers:
    """Room for an array; raises OptionsError where it would not fit into memory."""
    n_bytes = 4 * n_rows * n_frames
    if n_bytes > MAX_ARRAY_BYTES:
        raise OptionsError(
            f"An array of {n_rows:,} × {n_frames:,} numbers takes {n_bytes / 1e9:.1f} GB, more "
            f"than the {MAX_ARRAY_BYTES / 1e9:.1f} GB that are allowed. Choose a hop that is "
            f"{n_bytes / MAX_ARRAY_BYTES:.2g} times as long, a shorter window, or a part of the "
            "recording."
        )
    return np.empty((n_rows, n_frames), np.float32)
