"""Clips beside each other: which ones share a file, a sentence, a speaker."""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

Group = tuple[str, ...]
K = TypeVar("K", bound=Hashable)

# A clip's name ends with ten digits of the hash of its content (`lab.dataset.adding`).
_DIGEST = re.compile(r"-([0-9a-f]{10})(?:\.\w+)?$")


def sharing(keys: Iterable[tuple[str, K]]) -> dict[K, list[str]]:
    """What two clips or more share, with their file names; a key that is empty counts for none."""
    names: dict[K, list[str]] = defaultdict(list)
    for name, key in keys:
        if key:
            names[key].append(name)
    return {key: group for key, group in names.items() if len(group) > 1}


def same_file(names: Iterable[str]) -> list[Group]:
    """Clips whose files have the same content, by the digits at the end of their names."""
    digests = ((name, found[1]) for name in names if (found := _DIGEST.search(name)))
    return [tuple(group) for group in sharing(digests).values()]


def joined(groups: Iterable[Sequence[str]]) -> list[Group]:
    """Groups that have a clip in common become one."""
    leader: dict[str, str] = {}

    def lead(name: str) -> str:
        while (above := leader.setdefault(name, name)) != name:
            name = leader[name] = leader[above]
        return name

    for group in groups:
        for name in group:
            leader[lead(name)] = lead(group[0])
    members = sharing((name, lead(name)) for name in list(leader))
    return [tuple(group) for group in members.values()]
