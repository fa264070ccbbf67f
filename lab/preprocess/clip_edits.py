"""Edit the clips of a preparation; each edit is saved immediately."""

import threading
from collections.abc import Set
from dataclasses import replace

from lab.core.errors import OptionsError, WorkspaceError
from lab.preprocess.preparations import ClipSpan, Preparation, measure_clip, read, save
from lab.preprocess.reading import MIN_DURATION_S

# Two tabs may edit at the same time: each edit reads, changes and writes under this lock.
_editing = threading.Lock()
# Times are displayed and typed to a hundredth of a second.
_ROUNDING_S = 0.005


def set_kept(preparation: Preparation, clips: Set[ClipSpan], *, kept: bool) -> Preparation:
    """Keep or drop clips, except those that have changed in the meantime."""
    with _editing:
        latest = read(preparation.folder)
        changed = (replace(clip, kept=kept) if clip in clips else clip for clip in latest.clips)
        return save(replace(latest, clips=tuple(changed)))


def merge_with_next(preparation: Preparation, clip: ClipSpan) -> Preparation:
    """Merge `clip` with the next one, including the pause between them.

    Raises OptionsError if it is the last clip of its recording.
    """
    with _editing:
        latest, index = _latest(preparation, clip)
        following = latest.clips[index + 1] if index + 1 < len(latest.clips) else None
        if following is None or following.recording_index != clip.recording_index:
            raise OptionsError("This is the last clip of its recording, so it cannot be merged.")
        merged = measure_clip(latest, clip.recording_index, clip.start, following.end)
        return _with_clips(latest, index, merged, n_replaced=2)


def move_boundaries(
    preparation: Preparation, clip: ClipSpan, start_s: float, end_s: float
) -> Preparation:
    """Change the start and end of a clip, in seconds of the source recording.

    Raises OptionsError if it would leave the recording, overlap a neighbour, or be too short.
    """
    with _editing:
        latest, index = _latest(preparation, clip)
        min_s, max_s = allowed_range_s(latest, clip)
        if start_s < min_s - _ROUNDING_S or end_s > max_s + _ROUNDING_S:
            raise OptionsError(
                f"A clip from {start_s:.2f} to {end_s:.2f} s would overlap its neighbour or exceed "
                f"the recording. Choose times between {min_s:.2f} and {max_s:.2f} s."
            )
        if end_s - start_s < MIN_DURATION_S:
            raise OptionsError(
                f"The clip would last {end_s - start_s:.2f} s, but must last {MIN_DURATION_S:g} s "
                "or more."
            )
        recording = latest.recordings[clip.recording_index]
        start, end = (
            round((time_s - recording.start_s) * recording.sample_rate)
            for time_s in (max(start_s, min_s), min(end_s, max_s))
        )
        return _with_clips(latest, index, measure_clip(latest, clip.recording_index, start, end))


def allowed_range_s(preparation: Preparation, clip: ClipSpan) -> tuple[float, float]:
    """Return the range a clip may cover: between its neighbours, including dropped ones."""
    recording = preparation.recordings[clip.recording_index]
    others = [one for one in preparation.clips if one.recording_index == clip.recording_index]
    start = max((other.end for other in others if other.end <= clip.start), default=0)
    ends = (other.start for other in others if other.start >= clip.end)
    return recording.time_s(start), recording.time_s(min(ends, default=recording.n_samples))


def restore(preparation: Preparation) -> Preparation:
    """Undo edits by restoring the clips of `preparation`, which was read before them."""
    with _editing:
        return save(replace(read(preparation.folder), clips=preparation.clips))


def _with_clips(
    preparation: Preparation, index: int, clip: ClipSpan, *, n_replaced: int = 1
) -> Preparation:
    """Replace `n_replaced` clips from `index` on with `clip`, and save."""
    before, after = preparation.clips[:index], preparation.clips[index + n_replaced :]
    return save(replace(preparation, clips=(*before, clip, *after)))


def _latest(preparation: Preparation, clip: ClipSpan) -> tuple[Preparation, int]:
    """The preparation as it is on disk, and the index of `clip` in it."""
    latest = read(preparation.folder)
    if clip not in latest.clips:
        raise WorkspaceError("This clip was changed in another tab. Reload the page.")
    return latest, latest.clips.index(clip)
