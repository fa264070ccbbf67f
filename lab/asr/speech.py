"""Where somebody speaks, and how the speech is packed into the 30-second windows of Whisper."""

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

# Speech is looked for in blocks, so that the first text does not wait for the last hour and the
# memory does not grow with the recording.
_FIRST_BLOCK_SAMPLES, _BLOCK_SAMPLES = 60 * SAMPLE_RATE, 5 * 60 * SAMPLE_RATE

# A window is filled at least so far before its end may go to a better pause.
_MIN_FILLED_SAMPLES = 26 * SAMPLE_RATE

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class SpeechOptions:
    """How Silero's detector decides (its own defaults where not said otherwise).

    threshold: speech probability, 0 to 1, from which 32 ms count as speech
    min_silence_ms: a pause has to last this long to part two regions; short, so that a window can
        end at almost any pause
    pad_ms: what is kept before and after a region, because soft beginnings are detected late
    """

    threshold: float = 0.5
    min_silence_ms: int = 160
    pad_ms: int = 400


@dataclass(frozen=True)
class Region:
    """A stretch of speech, in samples of the recording, the end not included."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Window:
    """At most 30 s of speech that the model hears at once: regions, one after the other."""

    regions: tuple[Region, ...]

    def __len__(self) -> int:
        """Samples of audio in the window."""
        return sum(len(region) for region in self.regions)

    @property
    def start_s(self) -> float:
        return self.regions[0].start / SAMPLE_RATE

    @property
    def end_s(self) -> float:
        return self.regions[-1].end / SAMPLE_RATE

    def cut(self, samples: Samples) -> Samples:
        """The window's audio, out of the recording's `samples`."""
        return np.concatenate([samples[region.start : region.end] for region in self.regions])

    def after(self, time_s: float) -> "Window | None":
        """What of the window comes after its moment `time_s`, if anything."""
        skipped = round(time_s * SAMPLE_RATE)
        left = []
        for region in self.regions:
            if skipped < len(region):
                left.append(Region(region.start + skipped, region.end))
            skipped = max(skipped - len(region), 0)
        return Window(tuple(left)) if left else None

    def to_recording(self, time_s: float, *, is_end: bool = False) -> float:
        """Seconds in the recording of the moment `time_s` in the window.

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
    """The stretches of speech in a recording, in order, none longer than a window.

    samples: shape (n,), 16 kHz, nominally within ±1
    on_progress: called with samples, before each block that is searched
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
            Region(begin + stretch["start"], begin + stretch["end"])
            for stretch in get_speech_timestamps(samples[begin:end], vad_options)
        ]

    begin, end = 0, min(_FIRST_BLOCK_SAMPLES, len(samples))
    # One block ahead, in a thread: the detector keeps a single core busy.
    with ThreadPoolExecutor(1, thread_name_prefix="speech") as thread:
        searching = thread.submit(search, begin, end)
        while begin < len(samples):
            on_progress(begin, len(samples), "Looking for speech")
            found = searching.result()
            begin, block_begin = end, begin
            if end < len(samples):
                if found and found[-1].end == end and found[-1].start > block_begin:
                    # The block cuts through the last region: the next block begins with it.
                    begin = found.pop().start
                end = min(begin + _BLOCK_SAMPLES, len(samples))
                searching = thread.submit(search, begin, end)
            yield from found


def pack(regions: Iterator[Region]) -> Iterator[Window]:
    """Fill windows with regions in order; a window ends at the longest pause near its end."""
    filled: list[Region] = []
    for region in regions:
        while filled and sum(map(len, filled)) + len(region) > WINDOW_SAMPLES:
            count = _regions_before_longest_pause([*filled, region])
            yield Window(tuple(filled[:count]))
            filled = filled[count:]
        filled.append(region)
    if filled:
        yield Window(tuple(filled))


def _regions_before_longest_pause(regions: list[Region]) -> int:
    """How many of the regions to take, so that the last pause is the longest near the end.

    All but the last region fit into a window. What is cut in the middle of a sentence is
    understood less well, and what is cut too early is computed twice as often.
    """
    taken, best, longest = 0, len(regions) - 1, -1
    for number, (region, following) in enumerate(pairwise(regions), start=1):
        taken += len(region)
        pause = following.start - region.end
        if taken >= _MIN_FILLED_SAMPLES and pause >= longest:
            best, longest = number, pause
    return best
