"""Selects which clips of a dataset a training uses."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lab.audio import SAMPLE_RATE
from lab.core.errors import OptionsError
from lab.core.languages import LANGUAGES
from lab.dataset import EXCLUDED, Dataset, DatasetClip
from lab.training.config import Config

MIN_CLIP_S = 0.1
"""Shorter clips are left out: there is nothing to recognize in them."""


@dataclass(frozen=True)
class Examples:
    """The clips that a training uses. left_out: phrases such as “2 clips without a text”"""

    train: tuple[DatasetClip, ...]
    validation: tuple[DatasetClip, ...]
    left_out: tuple[str, ...]

    def fingerprint(self) -> str:
        """SHA-256 of the names, texts, languages and splits of the clips, in hexadecimal."""
        rows = [
            [split, clip.file_name, clip.transcription, clip.language]
            for split, clips in (("train", self.train), ("validation", self.validation))
            for clip in clips
        ]
        text = json.dumps(sorted(rows), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def select_examples(
    dataset: Dataset, config: Config, *, clips: Sequence[DatasetClip] | None = None
) -> Examples:
    """Select the training and validation clips of a dataset.

    clips: rows to use instead of the dataset's, for example with a proposed split

    Raises OptionsError, saying what to do, if there are no clips of either kind; WorkspaceError if
    the dataset cannot be read.
    """
    clips = dataset.clips() if clips is None else clips
    max_s = config.max_audio_samples / SAMPLE_RATE
    rejected: Counter[str] = Counter()
    selected: dict[str, list[DatasetClip]] = {"train": [], "validation": []}
    for clip in clips:
        if clip.split and clip.split not in selected:
            continue
        if reason := _rejection_reason(clip, max_s):
            rejected[reason] += 1
        else:
            selected[clip.split].append(clip)
    left_out = count_phrases(rejected)
    if empty := [split for split in selected if not selected[split]]:
        raise OptionsError(_nothing_in(dataset, clips, empty, left_out))
    return Examples(tuple(selected["train"]), tuple(selected["validation"]), tuple(left_out))


def count_phrases(rejected: Mapping[str, int]) -> list[str]:
    """Phrases such as “2 clips without a text”. rejected: number of clips by reason"""
    return [f"{n} clip{'' if n == 1 else 's'} {reason}" for reason, n in rejected.items()]


def _rejection_reason(clip: DatasetClip, max_s: float) -> str | None:
    if clip.status == EXCLUDED:
        return "marked as excluded"
    if not clip.transcription.strip():
        return "without a text"
    if clip.language not in LANGUAGES:
        return "without a language that Whisper supports"
    if not clip.split:
        return "without a split"
    if clip.duration_s is not None and clip.duration_s > max_s:
        return f"longer than {max_s:g} s"
    if clip.duration_s is not None and clip.duration_s < MIN_CLIP_S:
        return f"shorter than {MIN_CLIP_S:g} s"
    return None


def _nothing_in(
    dataset: Dataset, clips: Iterable[DatasetClip], empty: list[str], left_out: list[str]
) -> str:
    if not any(clip.is_usable for clip in clips):
        return (
            f"No clip of the dataset {dataset.name} has a text, so there is nothing to train on. "
            "Correct or import some texts first."
        )
    why = f" ({'; '.join(left_out)})" if left_out else ""
    return (
        f"The dataset {dataset.name} has no usable clip in the split "
        + " and none in ".join(f"“{split}”" for split in empty)
        + f"{why}. Training needs both “train” and “validation”. Split the dataset first; that "
        "takes at least three clips with different sentences."
    )
