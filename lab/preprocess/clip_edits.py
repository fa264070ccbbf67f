"""What a person changes in the clips of a preparation; each change is on the disk at once."""

import threading
from collections.abc import Set
from dataclasses import replace

from lab.core.errors import OptionsError, WorkspaceError
from lab.preprocess.preparations import ClipSpan, Preparation, measured, read, save
from lab.preprocess.reading import MIN_DURATION_S

# Two tabs may edit at once: each edit reads, changes and writes as one.
_editing = threading.Lock()
# People see and type hundredths of a second.
_ROUNDING_S = 0.005


def keep(preparation: Preparation, clips: Set[ClipSpan], *, kept: bool) -> Preparation:
    """Keep or drop clips, of which some may have changed meanwhile: those are left alone."""
    with _editing:
        now = read(preparation.folder)
        changed = tuple(replace(one, kept=kept) if one in clips else one for one in now.clips)
        return _saved(replace(now, clips=changed))


def merge_with_next(preparation: Preparation, clip: ClipSpan) -> Preparation:
    """Make one clip of `clip` and the next one, with the pause between them.

    Raises OptionsError if none follows in the same recording.
    """
    with _editing:
        now, place = _found(preparation, clip)
        following = now.clips[place + 1] if place + 1 < len(now.clips) else None
        if following is None or following.whole != clip.whole:
            raise OptionsError("This is the last clip of its recording: none follows to merge.")
        merged = measured(now, clip.whole, clip.start, following.end)
        return _saved(replace(now, clips=(*now.clips[:place], merged, *now.clips[place + 2 :])))


def move_borders(
    preparation: Preparation, clip: ClipSpan, start_s: float, end_s: float
) -> Preparation:
    """Let a clip go from `start_s` to `end_s` of the recording that it comes from.

    Raises OptionsError if it would leave the recording, overlap a neighbour, or be too short.
    """
    with _editing:
        now, place = _found(preparation, clip)
        lowest_s, highest_s = room_s(now, clip)
        if start_s < lowest_s - _ROUNDING_S or end_s > highest_s + _ROUNDING_S:
            raise OptionsError(
                f"A clip from {start_s:.2f} to {end_s:.2f} s would reach into its neighbour or "
                f"beyond the recording: here is room from {lowest_s:.2f} to {highest_s:.2f} s."
            )
        if end_s - start_s < MIN_DURATION_S:
            raise OptionsError(
                f"The clip would last {end_s - start_s:.2f} s; {MIN_DURATION_S:g} s is the least."
            )
        whole = now.wholes[clip.whole]
        start, end = (
            round((time_s - whole.start_s) * whole.sample_rate)
            for time_s in (max(start_s, lowest_s), min(end_s, highest_s))
        )
        moved = measured(now, clip.whole, start, end)
        return _saved(replace(now, clips=(*now.clips[:place], moved, *now.clips[place + 1 :])))


def room_s(preparation: Preparation, clip: ClipSpan) -> tuple[float, float]:
    """How far the borders of a clip can be moved: to its neighbours, dropped ones too."""
    whole = preparation.wholes[clip.whole]
    others = [one for one in preparation.clips if one.whole == clip.whole and one != clip]
    start = max((one.end for one in others if one.end <= clip.start), default=0)
    end = min((one.start for one in others if one.start >= clip.end), default=whole.n_samples)
    return whole.start_s + start / whole.sample_rate, whole.start_s + end / whole.sample_rate


def restore(preparation: Preparation) -> Preparation:
    """Take back edits: let the clips be those of `preparation`, as it was before them."""
    with _editing:
        now = read(preparation.folder)
        return _saved(replace(now, clips=preparation.clips))


def _saved(preparation: Preparation) -> Preparation:
    save(preparation)
    return preparation


def _found(preparation: Preparation, clip: ClipSpan) -> tuple[Preparation, int]:
    now = read(preparation.folder)
    if clip not in now.clips:
        raise WorkspaceError("This clip was changed in another tab meanwhile. Look at it again.")
    return now, now.clips.index(clip)
