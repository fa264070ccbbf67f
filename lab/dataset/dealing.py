"""Clips that belong together, dealt out whole until each split has its share."""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lab.dataset.table import SPLITS, Entry

_CLIP = -1  # beside the numbers of keys


@dataclass(frozen=True)
class Group:
    """Clips that have to stay together. weight: their part of all speech."""

    clips: tuple[Entry, ...]
    weight: float


def grouped(clips: Sequence[Entry], keys: Sequence[Callable[[Entry], str]]) -> list[Group]:
    """The clips in groups: whoever shares the value of a key is in one, "" is shared by nobody.

    These are the connected components of clips and values, found by union and find.
    """
    parents: dict[tuple[int, str], tuple[int, str]] = {}

    def root(node: tuple[int, str]) -> tuple[int, str]:
        while (parent := parents.setdefault(node, node)) != node:
            parents[node] = parents[parent]  # halves the way for whoever comes next
            node = parents[node]
        return node

    for clip in clips:
        node = (_CLIP, clip.file_name)
        root(node)
        for number, key in enumerate(keys):
            if value := key(clip):
                parents[root(node)] = root((number, value))
    members: dict[tuple[int, str], list[Entry]] = defaultdict(list)
    for clip in sorted(clips, key=lambda one: one.file_name):
        members[root((_CLIP, clip.file_name))].append(clip)
    lengths = _lengths(clips)
    total = sum(lengths.values())
    return [
        Group(tuple(group), sum(lengths[clip.file_name] for clip in group) / total)
        for group in members.values()
    ]


def deal(
    groups: Sequence[Group], kept: Mapping[str, str], targets: Mapping[str, float], *, seed: int
) -> dict[str, str]:
    """The split of each clip, by file name.

    kept: clips that are in a split already, by file name; the others of their groups follow them
    targets: the part of all speech that each split is to have, more than 0
    """
    filled = dict.fromkeys(targets, 0.0)
    splits: dict[str, str] = {}
    free = []
    for group in groups:
        if name := _where_most_are(group, kept):
            filled[name] = filled.get(name, 0.0) + group.weight
            splits.update((clip.file_name, name) for clip in group.clips)
        else:
            free.append(group)
    random.Random(seed).shuffle(free)
    # What is too large for the small splits goes first, while there is room; the others come by
    # chance, so that no split gets only short clips or rare speakers.
    smallest = min(targets.values())
    free.sort(key=lambda group: -group.weight if group.weight > smallest else 0.0)
    for n_dealt, group in enumerate(free):
        empty = [name for name in targets if not filled[name]]
        names = empty if len(free) - n_dealt <= len(empty) else list(targets)
        name = max(names, key=lambda one: _room(one, group, targets, filled))
        filled[name] += group.weight
        splits.update((clip.file_name, name) for clip in group.clips)
    return splits


def _room(
    name: str, group: Group, targets: Mapping[str, float], filled: Mapping[str, float]
) -> tuple[bool, float]:
    """How well a group suits a split: where it fits, the part of the split that is still empty."""
    room = targets[name] - filled[name]
    fits = group.weight <= room + 1e-9  # shares such as 0.1 are never exact
    return fits, room / targets[name] if fits else room


def _where_most_are(group: Group, kept: Mapping[str, str]) -> str:
    """The split that holds most of a group's clips already; "" where none does."""
    names = [kept[clip.file_name] for clip in group.clips if clip.file_name in kept]
    return max(SPLITS, key=names.count) if names else ""


def _lengths(clips: Sequence[Entry]) -> dict[str, float]:
    known = [clip.duration_s for clip in clips if clip.duration_s]
    usual = sum(known) / len(known) if known else 1.0
    return {clip.file_name: clip.duration_s or usual for clip in clips}
