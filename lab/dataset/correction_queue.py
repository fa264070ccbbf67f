"""Correcting texts: which clips a person gets, in which order, and who is working on which."""

import threading
import time
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from lab.dataset.predictions import Prediction
from lab.dataset.table import CORRECTED, EXCLUDED, DatasetClip

Order = Literal["no_text", "confidence", "difference", "table"]

# Each order, described for people.
ORDERS: Mapping[Order, str] = {
    "no_text": "Without text first",
    "confidence": "Lowest Whisper confidence first",
    "difference": "Largest difference from Whisper first",
    "table": "In the order added",
}


@dataclass(frozen=True)
class CorrectionProgress:
    """Number of corrected clips, and of all clips that are not excluded."""

    n_done: int
    n_clips: int


def correction_queue(
    clips: Iterable[DatasetClip],
    *,
    order: Order,
    predictions: Mapping[str, Prediction],
    search: str = "",
    include_corrected: bool = False,
) -> tuple[str, ...]:
    """File names of the clips to correct, in order; excluded clips are left out.

    predictions: by file name; orders that need one put clips without one last
    search: case-insensitive, in text, file name and speaker; "" for all clips
    include_corrected: whether to include clips that have been corrected before
    """
    wanted = search.casefold()
    selected = [
        clip
        for clip in clips
        if (clip.status != EXCLUDED if include_corrected else needs_correction(clip))
        and wanted in f"{clip.transcription}\n{clip.file_name}\n{clip.speaker}".casefold()
    ]
    if order != "table":  # a stable sort: clips of equal rank stay in the order of the table
        selected.sort(key=partial(_rank, order, predictions))
    return tuple(clip.file_name for clip in selected)


def needs_correction(clip: DatasetClip) -> bool:
    """Whether nobody has corrected or excluded the clip."""
    return clip.status not in (CORRECTED, EXCLUDED)


def initial_text(clip: DatasetClip, prediction: Prediction | None) -> str:
    """The text to start editing with: the clip's own, or Whisper's if it has none."""
    return clip.transcription or (prediction.text if prediction else "")


def correction_progress(clips: Iterable[DatasetClip]) -> CorrectionProgress:
    """How much of a dataset has been corrected."""
    statuses = [clip.status for clip in clips]
    return CorrectionProgress(statuses.count(CORRECTED), len(statuses) - statuses.count(EXCLUDED))


def _rank(order: Order, predictions: Mapping[str, Prediction], clip: DatasetClip) -> float:
    if order == "no_text":
        return bool(clip.transcription)
    prediction = predictions.get(clip.file_name)
    if prediction is None:
        return 2.0  # after all others
    if order == "confidence":
        return prediction.confidence
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.normalized_similarity(clip.transcription, prediction.text)


@dataclass
class ClipReservations:
    """Which clip each person is working on, so that no two people get the same one.

    Reservations only avoid duplicate work; `Dataset.change` makes sure that nothing is lost.

    timeout_s: after which a reservation expires
    """

    timeout_s: float = 600.0
    _reserved: dict[str, tuple[Path, str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reserve(self, person_id: str, folder: Path, file_name: str) -> None:
        """Reserve a clip of the dataset in `folder`, releasing the person's previous one."""
        with self._lock:
            self._reserved[person_id] = (folder, file_name, time.monotonic())

    def release(self, person_id: str) -> None:
        """Release the person's clip."""
        with self._lock:
            self._reserved.pop(person_id, None)

    def reserved_by_others(self, person_id: str, folder: Path) -> Set[str]:
        """File names of the clips in `folder` that other people have reserved."""
        oldest = time.monotonic() - self.timeout_s
        with self._lock:
            self._reserved = {who: one for who, one in self._reserved.items() if one[2] >= oldest}
            return {
                name
                for who, (reserved_in, name, _) in self._reserved.items()
                if reserved_in == folder and who != person_id
            }
