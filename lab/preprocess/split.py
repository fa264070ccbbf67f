"""Split a recording into clips at pauses.

First, segments of sound are detected, with pauses of at least 0.1 s between them. Long pauses
separate clips. A clip that would become too long is cut at a shorter pause, or without any, at the
quietest moment near its end.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lab.audio import SAMPLE_RATE, Samples
from lab.core.progress import Progress, ignore
from lab.preprocess.recipe import Split

# A shorter gap may be the closure of a p, t or k within a word.
MIN_PAUSE_S = 0.1
# Speech and level are measured in steps of 32 and 10 ms; smaller gaps are artefacts.
_MIN_GAP_S = 0.04
_STEP_MS = 10
# Averaging window for the quietest moment if there is no pause.
_MOMENT_S = 0.03


@dataclass(frozen=True)
class Span:
    """A range of samples, excluding `end`."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Cuts:
    """Result of splitting.

    spans: the clips, in order and without overlap
    too_short: segments that cannot be extended to a clip of the minimum length
    """

    spans: tuple[Span, ...]
    too_short: tuple[Span, ...]


def find_cuts(
    samples: Samples, step: Split, *, sample_rate: int, on_progress: Progress = ignore
) -> Cuts:
    """Find the clips in a recording.

    samples: float32, shape (n,), or (channels, n), of which the mix is analysed
    """
    mono = samples if samples.ndim == 1 else samples.mean(axis=0)
    if step.by == "speech":
        segments = _detect_speech(mono, sample_rate, on_progress)
    else:
        segments = _detect_sound(mono, step.silence_dbfs, sample_rate, on_progress)
    return arrange(segments, mono, step, sample_rate=sample_rate)


def arrange(segments: list[Span], mono: Samples, step: Split, *, sample_rate: int) -> Cuts:
    """Arrange segments of sound into clips, as `step` demands.

    segments: in order, separated by pauses
    mono: float32, shape (n,), the whole recording
    """
    min_pause, margin, min_length, max_length = (
        round(seconds * sample_rate)
        for seconds in (step.min_pause_s, step.margin_s, step.min_s, step.max_speech_s)
    )
    pieces: list[Span] = []
    for phrase in _phrases(segments, min_pause):
        pieces += _split_phrase(phrase, mono, min_length, max_length, sample_rate)
    pieces = _merge_short(pieces, len(mono), min_length, max_length)
    spans: list[Span] = []
    too_short: list[Span] = []
    for number, piece in enumerate(pieces):
        span = _with_margins(piece, _available(pieces, number, len(mono)), margin, min_length)
        (spans if len(span) >= min_length else too_short).append(span)
    return Cuts(tuple(spans), tuple(too_short))


def _detect_speech(mono: Samples, sample_rate: int, on_progress: Progress) -> list[Span]:
    import soxr  # type: ignore[import-untyped]

    from lab.asr.speech import SpeechOptions, find_speech

    # Without padding, which would hide short pauses.
    options = SpeechOptions(min_silence_ms=round(1000 * MIN_PAUSE_S), pad_ms=0)
    resampled = (
        soxr.resample(mono, sample_rate, SAMPLE_RATE) if sample_rate != SAMPLE_RATE else mono
    )
    scale = sample_rate / SAMPLE_RATE
    return [
        Span(round(region.start * scale), min(round(region.end * scale), len(mono)))
        for region in find_speech(resampled, options, on_progress=on_progress)
    ]


def _detect_sound(
    mono: Samples, silence_dbfs: float, sample_rate: int, on_progress: Progress
) -> list[Span]:
    """Detect segments louder than `silence_dbfs` with pydub."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a missing ffmpeg, which is not needed here
        from pydub import AudioSegment  # type: ignore[import-untyped]
        from pydub.silence import detect_nonsilent  # type: ignore[import-untyped]

    spans: list[Span] = []
    # At least a minute each, since pydub returns anything shorter than a pause as sound.
    borders = [*range(0, max(len(mono) - 60 * sample_rate, 1), 60 * sample_rate), len(mono)]
    for start, end in pairwise(borders):
        on_progress(start, len(mono), "Detecting silence")
        levels = np.rint(mono[start:end] * np.float32(32768)).clip(-32768, 32767)
        segment = AudioSegment(
            levels.astype("<i2").tobytes(), sample_width=2, frame_rate=sample_rate, channels=1
        )
        for begin_ms, end_ms in detect_nonsilent(
            segment,
            min_silence_len=round(1000 * MIN_PAUSE_S),
            silence_thresh=silence_dbfs,
            seek_step=_STEP_MS,
        ):
            begin, end = (round(ms * sample_rate / 1000) for ms in (begin_ms, end_ms))
            spans.append(Span(start + begin, min(start + end, len(mono))))
    return spans


def _phrases(segments: list[Span], min_pause: int) -> Iterator[list[Span]]:
    """Group segments that are less than `min_pause` samples apart."""
    group: list[Span] = []
    for segment in segments:
        if group and segment.start - group[-1].end >= min_pause:
            yield group
            group = []
        group.append(segment)
    if group:
        yield group


def _split_phrase(
    phrase: list[Span], mono: Samples, min_length: int, max_length: int, sample_rate: int
) -> Iterator[Span]:
    """Split a phrase into pieces of `min_length` to `max_length` samples at its longest pauses.

    Without pauses, it is cut at the quietest moment.
    """
    min_gap = round(_MIN_GAP_S * sample_rate)
    end = phrase[-1].end
    while end - phrase[0].start > max_length:
        start = phrase[0].start
        half, full = start + max_length // 2, start + max_length
        pauses = []
        for number, (before, after) in enumerate(pairwise(phrase), start=1):
            pause = after.start - before.end
            shorter = min(before.end - start, end - after.start)
            # The clips on both sides get half of the pause each.
            is_enough = shorter + pause // 2 >= min_length
            if pause > min_gap and before.end <= full and is_enough:
                pauses.append((before.end >= half, pause, number))
        if pauses:
            _, _, number = max(pauses)
            yield Span(start, phrase[number - 1].end)
            phrase = phrase[number:]
        else:
            # `Split` ensures that `max_length` is at least twice `min_length`: `half` <= `last`.
            last = min(full, end - min_length)
            cut = _quietest_moment(mono, half, last, round(_MOMENT_S * sample_rate))
            yield Span(start, cut)
            phrase = [
                Span(max(cut, segment.start), segment.end)
                for segment in phrase
                if segment.end > cut
            ]
    yield Span(phrase[0].start, end)


def _quietest_moment(mono: Samples, first: int, last: int, width: int) -> int:
    """The centre of the quietest `width` samples between `first` and `last`."""
    if last - first <= width:
        return last
    power: NDArray[np.float64] = np.cumsum(np.square(mono[first:last], dtype=np.float64))
    return first + width // 2 + int(np.argmin(power[width:] - power[:-width]))


def _merge_short(pieces: list[Span], n: int, min_length: int, max_length: int) -> list[Span]:
    """Merge pieces that cannot reach `min_length` with their nearer neighbour."""
    pieces = list(pieces)
    number = 0
    while number < len(pieces):
        piece, (before, after) = pieces[number], _available(pieces, number, n)
        choices = []
        if before + len(piece) + after < min_length:
            if number > 0 and piece.end - pieces[number - 1].start <= max_length:
                choices.append((before, number - 1))
            if number < len(pieces) - 1 and pieces[number + 1].end - piece.start <= max_length:
                choices.append((after, number))
        if choices:
            _, number = min(choices)
            both = Span(pieces[number].start, pieces[number + 1].end)
            pieces[number : number + 2] = [both]
        else:
            number += 1
    return pieces


def _available(pieces: list[Span], number: int, n: int) -> tuple[int, int]:
    """The samples before and after a piece that its clip may use: half of each pause.

    The first and the last piece may use everything up to the ends of the recording.
    """
    piece = pieces[number]
    before, after = piece.start, n - piece.end
    if number > 0:
        before = (piece.start - pieces[number - 1].end) // 2
    if number < len(pieces) - 1:
        after = (pieces[number + 1].start - piece.end) // 2
    return before, after


def _with_margins(piece: Span, available: tuple[int, int], margin: int, min_length: int) -> Span:
    """The clip of a piece with margins, which are larger if it would be too short otherwise."""
    before, after = (min(margin, limit) for limit in available)
    lacking = min_length - len(piece) - before - after
    if lacking > 0:
        more = min(available[0] - before, max(lacking // 2, lacking - (available[1] - after)))
        before += more
        after += min(available[1] - after, lacking - more)
    return Span(piece.start - before, piece.end + after)
