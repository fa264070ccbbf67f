"""Sources of audio: a file or an array, with all its channels at its own sample rate.

Audio is read in blocks, so an hour of stereo is never in memory at its full sample rate.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from lab.audio import Samples
from lab.audio.container import open_recording
from lab.audio.decoding import AudioBlock, bits_per_sample, missing_s, read_blocks
from lab.core.errors import AudioError
from lab.core.progress import Progress, ignore
from lab.preprocess.recipe import MAX_CHANNELS

_BLOCK_S = 10


@dataclass(frozen=True)
class AudioFile:
    """A recording in a file.

    content: the bytes of the file, or its path
    name: as for `lab.audio.decode`; by default the file name of a path, or "" for bytes
    """

    content: bytes | str | os.PathLike[str]
    name: str = ""

    def __post_init__(self) -> None:
        if not self.name and not isinstance(self.content, bytes):
            object.__setattr__(self, "name", PurePath(self.content).name)


@dataclass(frozen=True, eq=False)
class AudioArray:
    """A recording in memory.

    samples: float, shape (n,) or (channels, n), nominally within ±1
    sample_rate: Hz
    """

    samples: Samples
    sample_rate: int
    name: str = ""


@dataclass(frozen=True)
class OpenSource:
    """A recording that is open for reading.

    label: its name in messages
    bits: bit depth; None if the codec has none
    blocks: reads the audio once from the beginning; raises AudioError like `lab.audio.decode`
    missing_s: returns the seconds that the file promises beyond those that were read
    """

    label: str
    bits: int | None
    blocks: Callable[[Progress], Iterator[AudioBlock]]
    missing_s: Callable[[float], float]


@contextmanager
def open_source(audio: AudioFile | AudioArray) -> Iterator[OpenSource]:
    """Open a recording for reading; raises AudioError if it cannot be decoded."""
    if isinstance(audio, AudioArray):
        yield _open_array(audio)
        return
    with open_recording(audio.content, audio.name) as recording:
        yield OpenSource(
            recording.label,
            bits_per_sample(recording.stream),
            lambda on_progress: read_blocks(recording, mix=False, on_progress=on_progress),
            lambda read_s: missing_s(recording, read_s),
        )


def _open_array(audio: AudioArray) -> OpenSource:
    label = f"“{audio.name}”" if audio.name else "The recording"
    channels = np.atleast_2d(audio.samples)
    if channels.ndim != 2 or len(channels) > MAX_CHANNELS or not channels.size:
        raise AudioError(
            f"{label} has samples of shape {audio.samples.shape}; expected (n,) or (channels, n) "
            f"with at most {MAX_CHANNELS} channels."
        )

    def blocks(on_progress: Progress) -> Iterator[AudioBlock]:
        n = channels.shape[1]
        step = _BLOCK_S * audio.sample_rate
        for start in range(0, n, step):
            on_progress(start, n, "Reading the recording")
            block = channels[:, start : start + step].astype(np.float32)
            if not np.isfinite(block).all():
                raise AudioError(
                    f"{label} contains invalid samples (NaN or infinite). Record it again."
                )
            yield AudioBlock(block, audio.sample_rate)

    return OpenSource(label, None, blocks, lambda _read_s: 0.0)


def excerpt(audio: AudioFile, *, start_s: float, duration_s: float) -> AudioArray:
    """Read an excerpt with all channels at the file's sample rate; shorter near the end.

    Raises AudioError if the file cannot be read or ends before `start_s`.
    """
    pieces: list[Samples] = []
    n_channels = rate = 0
    position_s = 0.0
    with open_source(audio) as source:
        for block in source.blocks(ignore):
            block_s = block.channels.shape[1] / block.rate
            if position_s + block_s > start_s:
                if pieces and (block.rate, len(block.channels)) != (rate, n_channels):
                    break  # a broadcast that changes its format
                rate, n_channels = block.rate, len(block.channels)
                begin, end = (
                    round((time_s - position_s) * rate)
                    for time_s in (start_s, start_s + duration_s)
                )
                pieces.append(block.channels[:, max(begin, 0) : end])
            position_s += block_s
            if position_s >= start_s + duration_s:
                break
        if not pieces:
            raise AudioError(
                f"{source.label} lasts {position_s:.1f} seconds and ends before {start_s:.1f}."
            )
    return AudioArray(np.concatenate(pieces, axis=1), rate, audio.name)
