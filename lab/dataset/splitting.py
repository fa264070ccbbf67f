"""Splitting a dataset into train, validation and test without leaks.

A test score predicts how well unknown people are understood only if no speaker and no sentence of
the test is in the training split. So clips that share one form a group, and whole groups are
assigned to splits until each split has its ratio of the hours.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lab.core.errors import OptionsError
from lab.dataset.grouping import ClipGroup, assign_splits, group_by_key, group_clips
from lab.dataset.table import SPLITS, DatasetClip

DEFAULT_RATIOS = (0.8, 0.1, 0.1)
SPEAKER_AND_SENTENCE, SPEAKER, SENTENCE = "speaker and sentence", "speaker", "sentence"
GROUP_BY = (SPEAKER_AND_SENTENCE, SPEAKER, SENTENCE)  # what no two splits may have in common

# Speakers are kept apart only if the groups other than the largest one hold at least this part of
# what validation and test should have.
_MIN_REMAINDER = 0.5


@dataclass(frozen=True)
class SplitLeak:
    """A speaker or sentence that is in more than one split.

    kind: "speaker" or "sentence"
    value: the speaker, or the text of the first clip with the sentence
    splits: in the order of `SPLITS`
    file_names: all of its clips that are in a split
    """

    kind: str
    value: str
    splits: tuple[str, ...]
    file_names: tuple[str, ...]


@dataclass(frozen=True)
class SplitSize:
    """Size of a split. duration_s: total of the clips with a known duration"""

    split: str
    n_clips: int
    n_speakers: int
    duration_s: float


@dataclass(frozen=True)
class SplitProposal:
    """A proposed split of a dataset.

    edits: all clips before and after, for `Dataset.change`
    sizes: of each split after the change, including empty ones
    leaks_before, leaks_after: leaks of the current and of the proposed splits
    note: a sentence on why speakers cannot be kept apart as requested; else ""
    """

    edits: tuple[tuple[DatasetClip, DatasetClip], ...]
    sizes: tuple[SplitSize, ...]
    leaks_before: tuple[SplitLeak, ...]
    leaks_after: tuple[SplitLeak, ...]
    note: str = ""

    @property
    def n_changed(self) -> int:
        """Number of clips that would change their split."""
        return sum(before.split != after.split for before, after in self.edits)


def split(
    clips: Iterable[DatasetClip],
    *,
    ratios: Sequence[float] = DEFAULT_RATIOS,
    seed: int = 0,
    group_by: str = SPEAKER_AND_SENTENCE,
    keep_existing: bool = False,
) -> SplitProposal:
    """Propose a split for each usable clip, and none for the others.

    ratios: of the hours of train, validation and test, relative to each other; 0 for no split
    seed: for the random assignment, which does not depend on the order of the clips
    group_by: one of `GROUP_BY`; clips without a speaker are not grouped by speaker
    keep_existing: only assign clips that are not in a split yet

    If one speaker, or speakers who share sentences, have so much of the speech that little is left
    for the other splits, only sentences are kept apart, and `note` says so. Clips of unknown
    duration count as the mean of the others. No split with a ratio above 0 is empty.
    Raises OptionsError for invalid options and if there are too few clips.
    """
    clips = tuple(clips)
    targets = _targets(ratios, group_by)
    usable = [clip for clip in clips if clip.is_usable]
    if not usable:
        raise OptionsError("No clip has a text yet. Correct or import some texts, then split.")
    kept = {clip.file_name: clip.split for clip in usable if keep_existing and clip.split in SPLITS}
    groups = group_clips(usable, _KEYS[group_by])
    note = ""
    if group_by != SENTENCE and not _can_be_assigned(groups, targets):
        note = _why_sentences_only(groups, usable, targets)
        groups = group_clips(usable, _KEYS[SENTENCE])
    if len(groups) < len(targets):
        raise OptionsError(
            f"{len(groups)} different sentences cannot be assigned to {len(targets)} splits. "
            "Add clips, or set the ratio of a split to 0."
        )
    splits = {**assign_splits(groups, kept, targets, seed=seed), **kept}
    after = [
        clip
        if keep_existing and not clip.is_usable
        else replace(clip, split=splits.get(clip.file_name, ""))
        for clip in clips
    ]
    return SplitProposal(
        tuple(zip(clips, after, strict=True)),
        split_sizes(after),
        tuple(find_leaks(clips)),
        tuple(find_leaks(after)),
        note,
    )


def find_leaks(clips: Iterable[DatasetClip]) -> list[SplitLeak]:
    """Find speakers and sentences that are in more than one split, speakers first.

    Clips without a text or a split and excluded clips are ignored. Sentences are compared by
    `sentence_key`.
    """
    in_splits = [clip for clip in clips if clip.is_usable and clip.split in SPLITS]
    kinds: dict[str, Callable[[DatasetClip], str]] = {"speaker": _speaker, "sentence": _sentence}
    leaks = []
    for kind, key in kinds.items():
        for group in group_by_key(in_splits, key).values():
            splits = {clip.split for clip in group}
            if len(splits) > 1:
                value = group[0].speaker if kind == "speaker" else group[0].transcription
                names = tuple(clip.file_name for clip in group)
                leaks.append(SplitLeak(kind, value, tuple(s for s in SPLITS if s in splits), names))
    return leaks


def split_sizes(clips: Iterable[DatasetClip]) -> tuple[SplitSize, ...]:
    """Sizes of all splits, counting usable clips only, in the order of `SPLITS`."""
    by_split = group_by_key((clip for clip in clips if clip.is_usable), lambda clip: clip.split)
    return tuple(
        SplitSize(
            name,
            len(members),
            len({clip.speaker for clip in members} - {""}),
            sum(clip.duration_s or 0.0 for clip in members),
        )
        for name in SPLITS
        for members in [by_split.get(name, [])]
    )


def sentence_key(text: str) -> str:
    """A text without case, punctuation and symbols: texts with the same key sound the same."""
    spoken = unicodedata.normalize("NFC", text).casefold().translate(_SEPARATORS)
    return " ".join(spoken.split())


class _Separators(dict[int, int | str]):
    """Maps all but letters, marks and digits to spaces; looks up each character once."""

    def __missing__(self, code: int) -> int | str:
        is_spoken = unicodedata.category(chr(code))[0] in "LMN"
        self[code] = code if is_spoken else " "
        return self[code]


_SEPARATORS = _Separators()


def _speaker(clip: DatasetClip) -> str:
    return clip.speaker


def _sentence(clip: DatasetClip) -> str:
    return sentence_key(clip.transcription)


_KEYS = {
    SPEAKER_AND_SENTENCE: (_speaker, _sentence),
    SPEAKER: (_speaker,),
    SENTENCE: (_sentence,),
}


def _targets(ratios: Sequence[float], group_by: str) -> dict[str, float]:
    """The splits with a ratio above 0, with their ratio of the total duration."""
    if group_by not in GROUP_BY:
        raise OptionsError(f"Cannot group by “{group_by[:40]}”. Use {', '.join(GROUP_BY)}.")
    # Comparisons with NaN are False, so this form rejects it as well.
    if len(ratios) != len(SPLITS) or not all(0 <= ratio < 1e6 for ratio in ratios):
        raise OptionsError("Give three ratios of 0 or more for train, validation, test: 80,10,10.")
    if not ratios[0]:
        raise OptionsError("The ratio of train is 0, which leaves nothing to train on.")
    return {name: ratio / sum(ratios) for name, ratio in zip(SPLITS, ratios, strict=True) if ratio}


def _can_be_assigned(groups: Sequence[ClipGroup], targets: Mapping[str, float]) -> bool:
    """Whether there are enough groups, and enough speech outside the largest one."""
    remainder = 1 - max(group.weight for group in groups)
    wanted = 1 - max(targets.values())
    return len(groups) >= len(targets) and remainder >= _MIN_REMAINDER * wanted


def _why_sentences_only(
    groups: Sequence[ClipGroup], usable: Sequence[DatasetClip], targets: Mapping[str, float]
) -> str:
    largest = max(groups, key=lambda group: group.weight)
    n_speakers = len({clip.speaker for clip in largest.clips} - {""})
    if 1 < len(groups) < len(targets):
        why = f"There are only {len(groups)} groups of speakers who share no sentences"
    else:
        who = (
            "One speaker has"
            if n_speakers == 1
            else f"{n_speakers} speakers, connected by sentences they share, have"
        )
        part = "all" if len(largest.clips) == len(usable) else f"{largest.weight:.0%}"
        why = f"{who} {part} of the speech"
    return (
        f"{why}, so speakers cannot be kept apart; only sentences are. "
        "Expect scores to be better than for speakers the model has never heard."
    )
