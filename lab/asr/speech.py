"""Speech detection, and packing of speech into Whisper's windows of 30 s."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lab.audio import SAMPLE_RATE
from lab.core.progress import Progress, ignore

WINDOW_S = 30
WINDOW_SAMPLES = WINDOW_S * SAMPLE_RATE

# Speech is detected in blocks, so that the first text does not wait for the whole recording and
# memory use does not grow with its length.
_FIRST_BLOCK_SAMPLES, _BLOCK_SAMPLES = 60 * SAMPLE_RATE, 5 * 60 * SAMPLE_RATE

# A window contains at least this much before it may end at a longer pause.
_MIN_WINDOW_SAMPLES = 26 * SAMPLE_RATE

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class SpeechOptions:
    """Options of Silero's voice activity detector.

    threshold: speech probability, 0 to 1, above which 32 ms count as speech
    min_silence_ms: minimum pause between two regions; short, so that a window can end at almost
        any pause
    pad_ms: padding before and after a region, because soft onsets are detected late
    """

    threshold: float = 0.5
    min_silence_ms: int = 160
    pad_ms: int = 400


@dataclass(frozen=True)
class Region:
    """A region of speech, in samples of the recording; `end` is exclusive."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Window:
    """Up to 30 s of speech that the model processes at once: concatenated regions."""

    regions: tuple[Region, ...]

    def __len__(self) -> int:
        """The number of samples in the window."""
        return sum(len(region) for region in self.regions)

    @property
    def start_s(self) -> float:
        return self.regions[0].start / SAMPLE_RATE

    @property
    def end_s(self) -> float:
        return self.regions[-1].end / SAMPLE_RATE

    def cut(self, samples: Samples) -> Samples:
        """The window's audio, cut from the recording's `samples`."""
        return np.concatenate([samples[region.start : region.end] for region in self.regions])

    def after(self, time_s: float) -> "Window | None":
        """The part of the window after its time `time_s`, if any."""
        skipped = round(time_s * SAMPLE_RATE)
        remaining = []
        for region in self.regions:
            if skipped < len(region):
                remaining.append(Region(region.start + skipped, region.end))
            skipped = max(skipped - len(region), 0)
        return Window(tuple(remaining)) if remaining else None

    def to_recording(self, time_s: float, *, is_end: bool = False) -> float:
        """Convert a time in the window to a time in the recording, both in seconds.

        Where two regions meet, an end belongs to the first of them and a start to the second.
        """
        position = time_s * SAMPLE_RATE
        for region in self.regions:
            if position < len(region) or (is_end and position <= len(region)):
                return (region.start + max(position, 0.0)) / SAMPLE_RATE
            position -= len(region)
        return self.end_s


def find_speech(
    samples: Samples, options: SpeechOptions | None = None, *, on_progress: Progress = ignore
) -> Iterator[Region]:
    """Detect the regions of speech in a recording, in order, none longer than a window.

    samples: shape (n,), 16 kHz, nominally within ±1
    on_progress: called with the number of samples before each block
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = options or SpeechOptions()
    vad_options = VadOptions(
        threshold=options.threshold,
        min_silence_duration_ms=options.min_silence_ms,
        speech_pad_ms=options.pad_ms,
        max_speech_duration_s=WINDOW_S,
    )

    def search(begin: int, end: int) -> list[Region]:
        return [
            Region(begin + timestamp["start"], begin + timestamp["end"])
            for timestamp in get_speech_timestamps(samples[begin:end], vad_options)
        ]

    begin, end = 0, min(_FIRST_BLOCK_SAMPLES, len(samples))
    # One block ahead, in a thread: the detector uses a single core.
    with ThreadPoolExecutor(1, thread_name_prefix="speech") as thread:
        searching = thread.submit(search, begin, end)
        while begin < len(samples):
            on_progress(begin, len(samples), "Detecting speech")
            regions = searching.result()
            begin, block_begin = end, begin
            if end < len(samples):
                if regions and regions[-1].end == end and regions[-1].start > block_begin:
                    # The block cuts through the last region: the next block starts with it.
                    begin = regions.pop().start
                end = min(begin + _BLOCK_SAMPLES, len(samples))
                searching = thread.submit(search, begin, end)
            yield from regions


def pack(regions: Iterator[Region]) -> Iterator[Window]:
    """Pack regions into windows in order; a window ends at the longest pause near its end."""
    pending: list[Region] = []
    for region in regions:
        while pending and sum(map(len, pending)) + len(region) > WINDOW_SAMPLES:
            count = _regions_before_longest_pause([*pending, region])
            yield Window(tuple(pending[:count]))
            pending = pending[count:]
        pending.append(region)
    if pending:
        yield Window(tuple(pending))


def _regions_before_longest_pause(regions: list[Region]) -> int:
    """How many of the regions to pack, so that the window ends at the longest pause near its end.

    All but the last region fit into a window. A window that ends in the middle of a sentence is
    transcribed less well, and short windows cost more computation.
    """
    packed, best, longest = 0, len(regions) - 1, -1
    for number, (region, following) in enumerate(pairwise(regions), start=1):
        packed += len(region)
        pause = following.start - region.end
        if packed >= _MIN_WINDOW_SAMPLES and pause >= longest:
            best, longest = number, pause
    return best
