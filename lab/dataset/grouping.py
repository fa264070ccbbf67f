"""Groups of clips that must stay together, and their assignment to splits."""

import random
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lab.dataset.table import SPLITS, DatasetClip

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True)
class ClipGroup:
    """Clips that must stay in one split. weight: their ratio of the total duration, 0 to 1"""

    clips: tuple[DatasetClip, ...]
    weight: float


def group_by_key(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Group items by a key, in order of first occurrence; items with an empty key are dropped."""
    groups: dict[K, list[T]] = defaultdict(list)
    for item in items:
        if value := key(item):
            groups[value].append(item)
    return dict(groups)


def connected_components(links: Iterable[Sequence[str]]) -> list[list[str]]:
    """Merge groups of names that have a name in common (union-find)."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while (parent := parents.setdefault(name, name)) != name:
            parents[name] = parents[parent]  # path halving
            name = parents[name]
        return name

    for link in links:
        for name in link:
            parents[root(name)] = root(link[0])
    return list(group_by_key(list(parents), root).values())


def group_clips(
    clips: Sequence[DatasetClip], keys: Sequence[Callable[[DatasetClip], str]]
) -> list[ClipGroup]:
    """Group clips so that no value of a key, other than "", is in two groups."""
    by_name = {clip.file_name: clip for clip in sorted(clips, key=lambda clip: clip.file_name)}
    links = [[name] for name in by_name]
    for key in keys:
        links += [[clip.file_name for clip in group] for group in group_by_key(clips, key).values()]
    known_s = [clip.duration_s for clip in clips if clip.duration_s]
    mean_s = sum(known_s) / len(known_s) if known_s else 1.0  # for clips of unknown duration
    durations_s = {clip.file_name: clip.duration_s or mean_s for clip in clips}
    total_s = sum(durations_s.values())
    return [
        ClipGroup(
            tuple(by_name[name] for name in names),
            sum(durations_s[name] for name in names) / total_s,
        )
        for names in connected_components(links)
    ]


def assign_splits(
    groups: Sequence[ClipGroup], kept: Mapping[str, str], targets: Mapping[str, float], *, seed: int
) -> dict[str, str]:
    """Assign whole groups to splits; returns the split of each clip by file name.

    kept: existing splits by file name; the other clips of a group join those
    targets: wanted ratio of the total duration by split, each more than 0
    """
    filled = dict.fromkeys(targets, 0.0)
    splits: dict[str, str] = {}
    free = []
    for group in groups:
        if name := _most_common_split(group, kept):
            filled[name] = filled.get(name, 0.0) + group.weight
            splits.update((clip.file_name, name) for clip in group.clips)
        else:
            free.append(group)
    random.Random(seed).shuffle(free)
    # Groups too large for the small splits are assigned first, while there is room; the others in
    # random order, so that no split gets only short clips or rare speakers.
    smallest = min(targets.values())
    free.sort(key=lambda group: -group.weight if group.weight > smallest else 0.0)
    for n_assigned, group in enumerate(free):
        empty = [name for name in targets if not filled[name]]
        names = empty if len(free) - n_assigned <= len(empty) else list(targets)
        name = max(names, key=lambda split: _room(split, group, targets, filled))
        filled[name] += group.weight
        splits.update((clip.file_name, name) for clip in group.clips)
    return splits


def _room(
    name: str, group: ClipGroup, targets: Mapping[str, float], filled: Mapping[str, float]
) -> tuple[bool, float]:
    """How well a group suits a split: whether it fits, and how empty the split is relatively."""
    room = targets[name] - filled[name]
    fits = group.weight <= room + 1e-9  # ratios such as 0.1 have no exact float
    return fits, room / targets[name] if fits else room


def _most_common_split(group: ClipGroup, kept: Mapping[str, str]) -> str:
    """The split that most clips of a group already have; "" if none has one."""
    names = [kept[clip.file_name] for clip in group.clips if clip.file_name in kept]
    return max(SPLITS, key=names.count) if names else ""
