"""Where the sound comes from: a file, at its own rate with all its channels, or an array.

Sound comes in blocks, so that an hour of stereo never lies in memory at its full rate.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from lab.audio import Samples
from lab.audio.container import open_recording
from lab.audio.decoding import Block, bits_of, missing_s, read_blocks
from lab.core.errors import AudioError
from lab.core.progress import Progress, ignore
from lab.preprocess.recipe import MAX_CHANNELS

_BLOCK_S = 10


@dataclass(frozen=True)
class AudioFile:
    """A recording in a file.

    content: the bytes of the file, or its path
    name: as for `lab.audio.decode`; of a path it is the last part unless given
    """

    content: bytes | str | os.PathLike[str]
    name: str = ""

    @property
    def title(self) -> str:
        """What people call it; may be empty for bytes."""
        if self.name or isinstance(self.content, bytes):
            return self.name
        return PurePath(self.content).name


@dataclass(frozen=True, eq=False)
class Sound:
    """A recording that is in memory.

    samples: float, shape (n,) or (channels, n), nominally within ±1
    sample_rate: Hz
    """

    samples: Samples
    sample_rate: int
    name: str = ""

    @property
    def title(self) -> str:
        """What people call it; may be empty."""
        return self.name


@dataclass(frozen=True)
class OpenSource:
    """A recording that is being read.

    label: what messages call it
    bits: per sample, None where the kind of file keeps no fixed number
    blocks: reads the sound, from the beginning, once; raises AudioError as `lab.audio.decode` does
    missing_s: given the seconds that were read, those that are promised and missing
    """

    label: str
    bits: int | None
    blocks: Callable[[Progress], Iterator[Block]]
    missing_s: Callable[[float], float]


@contextmanager
def opened(audio: AudioFile | Sound) -> Iterator[OpenSource]:
    """Open a recording for reading; raises AudioError if it is none."""
    if isinstance(audio, Sound):
        yield _opened_sound(audio)
        return
    with open_recording(audio.content, audio.name) as recording:
        yield OpenSource(
            recording.label,
            bits_of(recording.stream),
            lambda on_progress: read_blocks(recording, mix=False, on_progress=on_progress),
            lambda read_s: missing_s(recording, read_s),
        )


def _opened_sound(sound: Sound) -> OpenSource:
    label = f"“{sound.name}”" if sound.name else "The recording"
    channels = np.atleast_2d(sound.samples)
    if channels.ndim != 2 or len(channels) > MAX_CHANNELS or not channels.size:
        raise AudioError(
            f"{label} has samples of the shape {sound.samples.shape}; expected is (n,) or "
            f"(channels, n) with at most {MAX_CHANNELS} channels. Record it again."
        )

    def blocks(on_progress: Progress) -> Iterator[Block]:
        n = channels.shape[1]
        step = _BLOCK_S * sound.sample_rate
        for start in range(0, n, step):
            on_progress(start, n, "Reading the recording")
            block = channels[:, start : start + step].astype(np.float32)
            if not np.isfinite(block).all():
                raise AudioError(
                    f"{label} contains invalid samples (NaN or infinite). Record it again."
                )
            yield Block(block, sound.sample_rate)

    return OpenSource(label, None, blocks, lambda _read_s: 0.0)


def excerpt(audio: AudioFile, *, start_s: float, length_s: float) -> Sound:
    """A stretch of a recording, at its own rate with all its channels; shorter near the end.

    Raises AudioError if it cannot be read, or if the recording ends before `start_s`.
    """
    pieces: list[Samples] = []
    n_channels = rate = 0
    position_s = 0.0
    with opened(audio) as source:
        for block in source.blocks(ignore):
            n_block_s = block.channels.shape[1] / block.rate
            if position_s + n_block_s > start_s:
                if pieces and (block.rate, len(block.channels)) != (rate, n_channels):
                    break  # a broadcast that goes on in another form
                rate, n_channels = block.rate, len(block.channels)
                begin, end = (
                    round((time_s - position_s) * rate) for time_s in (start_s, start_s + length_s)
                )
                pieces.append(block.channels[:, max(begin, 0) : end])
            position_s += n_block_s
            if position_s >= start_s + length_s:
                break
        if not pieces:
            raise AudioError(
                f"{source.label} lasts {position_s:.1f} seconds and ends before {start_s:.1f}."
            )
    return Sound(np.concatenate(pieces, axis=1), rate, audio.title)
