"""Which clips of a dataset are learned from, and what of it goes down in a run's papers."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.audio import SAMPLE_RATE
from lab.core.errors import OptionsError
from lab.core.languages import LANGUAGES
from lab.dataset import Dataset, Entry
from lab.training.config import Config

if TYPE_CHECKING:
    pass

# Below this there is no sound that Whisper's window could be laid over.
MIN_CLIP_S = 0.1


@dataclass(frozen=True)
class Examples:
    """The clips of a training.

    left_out: how many clips are not used and why, a phrase each
    """

    train: tuple[Entry, ...]
    validation: tuple[Entry, ...]
    left_out: tuple[str, ...]

    def fingerprint(self) -> str:
        """Another one when a clip, its text or its split is another; sha256 in hexadecimal."""
        rows = [
            [split, entry.file_name, entry.transcription, entry.language]
            for split, entries in (("train", self.train), ("validation", self.validation))
            for entry in entries
        ]
        text = json.dumps(sorted(rows), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def choose(dataset: Dataset, config: Config, *, entries: Sequence[Entry] | None = None) -> Examples:
    """The clips that a model can learn from, and those that tell how well it does.

    entries: of the dataset as they would be; None takes them as they are

    Raises OptionsError where there are none of either, saying what to do; WorkspaceError where the
    dataset cannot be read.
    """
    entries = dataset.entries() if entries is None else entries
    longest_s = config.max_samples / SAMPLE_RATE
    reasons: dict[str, int] = {}
    chosen: dict[str, list[Entry]] = {"train": [], "validation": []}
    for entry in entries:
        if entry.split and entry.split not in chosen:
            continue
        reason = _why_not(entry, longest_s)
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
        else:
            chosen[entry.split].append(entry)
    left_out = tuple(phrase(number, reason) for reason, number in reasons.items())
    if missing := [split for split in chosen if not chosen[split]]:
        raise OptionsError(_nothing_in(dataset, entries, missing, left_out))
    return Examples(tuple(chosen["train"]), tuple(chosen["validation"]), left_out)


def phrase(number: int, reason: str) -> str:
    """Such as “2 clips without a text”."""
    return f"{number} clip{'' if number == 1 else 's'} {reason}"


def _why_not(entry: Entry, longest_s: float) -> str | None:
    if entry.status == "excluded":
        return "marked as left out"
    if not entry.transcription.strip():
        return "without a text"
    if entry.language not in LANGUAGES:
        return "without a language of Whisper"
    if not entry.split:
        return "in no split"
    if entry.duration_s is not None and entry.duration_s > longest_s:
        return f"longer than {longest_s:g} s"
    if entry.duration_s is not None and entry.duration_s < MIN_CLIP_S:
        return f"shorter than {MIN_CLIP_S:g} s"
    return None


def _nothing_in(
    dataset: Dataset, entries: Iterable[Entry], missing: list[str], left_out: tuple[str, ...]
) -> str:
    if not any(entry.is_usable for entry in entries):
        return (
            f"No clip of the dataset {dataset.name} has a text, so there is nothing to learn from. "
            "Correct or import some texts first."
        )
    why = f" ({'; '.join(left_out)})" if left_out else ""
    purpose = {"train": "learn from", "validation": "choose the best state of the model by"}
    return (
        f"The dataset {dataset.name} has no usable clip in the split "
        + " and none in ".join(f"“{split}”" for split in missing)
        + f"{why}; a training needs clips to "
        + " and to ".join(purpose[split] for split in missing)
        + ". Split the dataset first; that takes at least three clips with different sentences."
    )
