"""Correcting by ear: which clips come, in which order, and who has which one before them."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lab.dataset.predictions import Prediction
from lab.dataset.table import CORRECTED, EXCLUDED, Entry

Order = Literal["textless", "unsure", "different", "table"]

# What comes first, for people.
ORDERS: Mapping[Order, str] = {
    "textless": "Without text first",
    "unsure": "Where Whisper was least sure first",
    "different": "Where Whisper heard something else first",
    "table": "As they were added",
}


@dataclass(frozen=True)
class Progress:
    """n_done of n_clips, which are all that are not left out, were corrected."""

    n_done: int
    n_clips: int


def queue(
    entries: Iterable[Entry],
    *,
    order: Order,
    heard: Mapping[str, Prediction],
    search: str = "",
    again: bool = False,
) -> tuple[str, ...]:
    """The clips to correct, by file name, in the order in which they come.

    heard: what a model made of clips, by file name; in the orders that need it, clips that it has
        not heard come last
    search: only clips with this in their text, name or speaker, whatever its capitals
    again: also those that were corrected before

    Clips that were left out do not come.
    """
    wanted = search.casefold()
    chosen = [
        entry
        for entry in entries
        if (entry.status != EXCLUDED if again else is_waiting(entry))
        and wanted in f"{entry.transcription}\n{entry.file_name}\n{entry.speaker}".casefold()
    ]
    if order != "table":  # sorting is stable: within the same rank they come as they were added
        chosen.sort(key=_ranks(order, heard))
    return tuple(entry.file_name for entry in chosen)


def is_waiting(entry: Entry) -> bool:
    """Whether nobody has corrected the clip or left it out."""
    return entry.status not in (CORRECTED, EXCLUDED)


def first_text(entry: Entry, heard: Prediction | None) -> str:
    """What a person begins with: the clip's own text, Whisper's where it has none."""
    return entry.transcription or (heard.text if heard else "")


def progress(entries: Iterable[Entry]) -> Progress:
    """How far the whole dataset is."""
    statuses = [entry.status for entry in entries]
    return Progress(statuses.count(CORRECTED), len(statuses) - statuses.count(EXCLUDED))


def place_after(names: Sequence[str], place: int, is_passed_over: Callable[[str], bool]) -> int:
    """The next place in a queue after `place`; its length where none is left."""
    later = range(place + 1, len(names))
    return next((one for one in later if not is_passed_over(names[one])), len(names))


def _ranks(order: Order, heard: Mapping[str, Prediction]) -> Callable[[Entry], float]:
    from rapidfuzz.distance import Levenshtein

    def unsure(entry: Entry) -> float:
        prediction = heard.get(entry.file_name)
        return 2.0 if prediction is None else prediction.confidence

    def different(entry: Entry) -> float:
        prediction = heard.get(entry.file_name)
        if prediction is None:
            return 2.0
        return -Levenshtein.normalized_distance(entry.transcription, prediction.text)

    if order == "textless":
        return lambda entry: bool(entry.transcription)
    return unsure if order == "unsure" else different


@dataclass
class Desks:
    """Which clip each person has before them, so that two do not get the same one.

    It only keeps people out of each other's way; that nothing is lost is up to `Dataset.change`.
    """

    kept_s: float = 600.0
    _held: dict[str, tuple[Path, str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, person_id: str, folder: Path, file_name: str) -> None:
        """Somebody turns to a clip of the dataset in `folder`, and away from any other."""
        with self._lock:
            self._held[person_id] = (folder, file_name, time.monotonic())

    def leave(self, person_id: str) -> None:
        """Somebody turns away from their clip."""
        with self._lock:
            self._held.pop(person_id, None)

    def taken(self, folder: Path, *, apart_from: str) -> Set[str]:
        """The clips that others have turned to lately."""
        oldest = time.monotonic() - self.kept_s
        with self._lock:
            self._held = {who: one for who, one in self._held.items() if one[2] >= oldest}
            return {
                name
                for who, (where, name, _) in self._held.items()
                if where == folder and who != apart_from
            }
