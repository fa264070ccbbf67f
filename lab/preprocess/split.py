"""Cutting a recording into clips, in its pauses.

First it is found where sound is; the pauses between may be as short as 0.1 s. The long ones part
the clips. Shorter ones serve where a clip would become too long, and where there is none at all,
the quietest moment near the end does.
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

# A shorter gap may be the closure of a p, t or k inside a word.
SHORTEST_PAUSE_S = 0.1
# The detector and the level measure in steps of 32 and 10 ms, so a smaller gap is none.
_NO_GAP_S = 0.04
_STEP_MS = 10
# Where there is no pause: what is averaged to find the quietest moment.
_MOMENT_S = 0.03


@dataclass(frozen=True)
class Span:
    """A stretch of a recording, in samples, the end not included."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Cuts:
    """Where to cut.

    spans: the clips, in order, which never overlap
    too_short: the pieces of sound that no clip of the shortest length could be made of
    """

    spans: tuple[Span, ...]
    too_short: tuple[Span, ...]


def find_cuts(
    samples: Samples, step: Split, *, sample_rate: int, on_progress: Progress = ignore
) -> Cuts:
    """Find the clips in a recording.

    samples: float32, shape (n,), or (channels, n), which are listened to as their mix
    """
    mono = samples if samples.ndim == 1 else samples.mean(axis=0)
    if step.by == "speech":
        found = _speech(mono, sample_rate, on_progress)
    else:
        found = _loud(mono, step.silence_dbfs, sample_rate, on_progress)
    return arrange(found, mono, step, sample_rate=sample_rate)


def arrange(sounds: list[Span], mono: Samples, step: Split, *, sample_rate: int) -> Cuts:
    """Make clips of the stretches where sound is, as `step` asks.

    sounds: in order, apart by the pauses where may be cut
    mono: float32, shape (n,), the recording that they lie in
    """
    min_pause, margin, shortest, longest = (
        round(seconds * sample_rate)
        for seconds in (step.min_pause_s, step.margin_s, step.min_s, step.max_speech_s)
    )
    pieces: list[Span] = []
    for phrase in _apart(sounds, min_pause):
        pieces += _shortened(phrase, mono, shortest, longest, sample_rate)
    pieces = _joined(pieces, len(mono), shortest, longest)
    spans: list[Span] = []
    too_short: list[Span] = []
    for number, piece in enumerate(pieces):
        span = _with_margins(piece, _room(pieces, number, len(mono)), margin, shortest)
        (spans if len(span) >= shortest else too_short).append(span)
    return Cuts(tuple(spans), tuple(too_short))


def _speech(mono: Samples, sample_rate: int, on_progress: Progress) -> list[Span]:
    import soxr  # type: ignore[import-untyped]

    from lab.asr.speech import SpeechOptions, find_speech

    # Without margins, which would hide the short pauses.
    options = SpeechOptions(min_silence_ms=round(1000 * SHORTEST_PAUSE_S), pad_ms=0)
    heard = soxr.resample(mono, sample_rate, SAMPLE_RATE) if sample_rate != SAMPLE_RATE else mono
    scale = sample_rate / SAMPLE_RATE
    return [
        Span(round(region.start * scale), min(round(region.end * scale), len(mono)))
        for region in find_speech(heard, options, on_progress=on_progress)
    ]


def _loud(
    mono: Samples, silence_dbfs: float, sample_rate: int, on_progress: Progress
) -> list[Span]:
    """Where it is louder than `silence_dbfs`, by pydub."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it misses a program for reading files, which we don't ask
        from pydub import AudioSegment  # type: ignore[import-untyped]
        from pydub.silence import detect_nonsilent  # type: ignore[import-untyped]

    spans: list[Span] = []
    # All are at least a minute, since pydub takes what is shorter than a pause for sound.
    borders = [*range(0, max(len(mono) - 60 * sample_rate, 1), 60 * sample_rate), len(mono)]
    for start, end in pairwise(borders):
        on_progress(start, len(mono), "Looking for silence")
        levels = np.rint(mono[start:end] * np.float32(32768)).clip(-32768, 32767)
        segment = AudioSegment(
            levels.astype("<i2").tobytes(), sample_width=2, frame_rate=sample_rate, channels=1
        )
        for begin_ms, end_ms in detect_nonsilent(
            segment,
            min_silence_len=round(1000 * SHORTEST_PAUSE_S),
            silence_thresh=silence_dbfs,
            seek_step=_STEP_MS,
        ):
            begin, end = (round(ms * sample_rate / 1000) for ms in (begin_ms, end_ms))
            spans.append(Span(start + begin, min(start + end, len(mono))))
    return spans


def _apart(sounds: list[Span], min_pause: int) -> Iterator[list[Span]]:
    """The sounds in groups that are at least `min_pause` samples apart."""
    group: list[Span] = []
    for sound in sounds:
        if group and sound.start - group[-1].end >= min_pause:
            yield group
            group = []
        group.append(sound)
    if group:
        yield group


def _shortened(
    phrase: list[Span], mono: Samples, shortest: int, longest: int, sample_rate: int
) -> Iterator[Span]:
    """A phrase in pieces of `shortest` to `longest` samples, cut at its longest pauses.

    Where there is none, it is cut in the quietest moment.
    """
    no_gap = round(_NO_GAP_S * sample_rate)
    end = phrase[-1].end
    while end - phrase[0].start > longest:
        start = phrase[0].start
        half, full = start + longest // 2, start + longest
        pauses = [
            (before.end >= half, after.start - before.end, number)
            for number, (before, after) in enumerate(pairwise(phrase), start=1)
            if after.start - before.end > no_gap
            and before.end <= full
            and _leaves_enough(start, before.end, after.start, end, shortest)
        ]
        if pauses:
            _, _, number = max(pauses)
            yield Span(start, phrase[number - 1].end)
            phrase = phrase[number:]
        else:
            # `Split` allows no `longest` below twice `shortest`, so there is always a place.
            last = min(full, end - shortest)
            cut = _quietest_moment(mono, half, last, round(_MOMENT_S * sample_rate))
            yield Span(start, cut)
            phrase = [Span(max(cut, sound.start), sound.end) for sound in phrase if sound.end > cut]
    yield Span(phrase[0].start, end)


def _leaves_enough(start: int, pause_start: int, pause_end: int, end: int, shortest: int) -> bool:
    """Whether clips before and after a pause would be long enough, with half of the pause each."""
    shorter = min(pause_start - start, end - pause_end)
    return shorter + (pause_end - pause_start) // 2 >= shortest


def _quietest_moment(mono: Samples, first: int, last: int, width: int) -> int:
    """The middle of the quietest `width` samples between `first` and `last`."""
    if last - first <= width:
        return last
    power: NDArray[np.float64] = np.cumsum(np.square(mono[first:last], dtype=np.float64))
    return first + width // 2 + int(np.argmin(power[width:] - power[:-width]))


def _joined(pieces: list[Span], n: int, shortest: int, longest: int) -> list[Span]:
    """Pieces that have too little room for the shortest clip join the nearer neighbour."""
    pieces = list(pieces)
    number = 0
    while number < len(pieces):
        piece, (before, after) = pieces[number], _room(pieces, number, n)
        choices = []
        if before + len(piece) + after < shortest:
            if number > 0 and piece.end - pieces[number - 1].start <= longest:
                choices.append((before, number - 1))
            if number < len(pieces) - 1 and pieces[number + 1].end - piece.start <= longest:
                choices.append((after, number))
        if choices:
            _, number = min(choices)
            both = Span(pieces[number].start, pieces[number + 1].end)
            pieces[number : number + 2] = [both]
        else:
            number += 1
    return pieces


def _room(pieces: list[Span], number: int, n: int) -> tuple[int, int]:
    """The samples before and after a piece that its clip may have: half of each pause.

    Before the first and after the last one it is all there is.
    """
    piece = pieces[number]
    before, after = piece.start, n - piece.end
    if number > 0:
        before = (piece.start - pieces[number - 1].end) // 2
    if number < len(pieces) - 1:
        after = (pieces[number + 1].start - piece.end) // 2
    return before, after


def _with_margins(piece: Span, room: tuple[int, int], margin: int, shortest: int) -> Span:
    """The clip of a piece: with its margins, and with more where it would be too short."""
    before, after = (min(margin, one) for one in room)
    lacking = shortest - len(piece) - before - after
    if lacking > 0:
        more = min(room[0] - before, max(lacking // 2, lacking - (room[1] - after)))
        before += more
        after += min(room[1] - after, lacking - more)
    return Span(piece.start - before, piece.end + after)
