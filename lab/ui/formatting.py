"""Numbers as text for people: sizes, durations, levels, counts."""

import math

from lab.core.markup import escape as escape  # most texts combine numbers and names


def size(size_bytes: float) -> str:
    """A size such as "145 MB"; 1 kB is 1000 bytes, as in file managers."""
    for unit in ("bytes", "kB", "MB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} GB"


def duration(seconds: float) -> str:
    """A duration such as "8.2 s", "3 min 5 s" or "1 h 2 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds) // 60} min {int(seconds) % 60} s"
    return f"{int(seconds) // 3600} h {int(seconds) % 3600 // 60} min"


def rough_duration(seconds: float) -> str:
    """An estimated duration: whole seconds, or whole minutes from two minutes on."""
    if seconds < 120:
        return f"{max(round(seconds), 1)} s"
    return duration(round(seconds / 60) * 60) if seconds >= 3600 else f"{round(seconds / 60)} min"


def timestamp(seconds: float) -> str:
    """A time within a recording: 0:07.3, 12:40.0, 1:02:03.4."""
    minutes, tenths = divmod(round(seconds * 10), 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{head}:{tenths // 10:02d}.{tenths % 10}"


def decibels(level: float | None, unit: str) -> str:
    """A level such as "-23.1 LUFS"; a dash for None, "silent" for minus infinity."""
    if level is None:
        return "–"
    return f"{level:.1f} {unit}" if math.isfinite(level) else "silent"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """A number and its noun, such as "3 clips"."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
