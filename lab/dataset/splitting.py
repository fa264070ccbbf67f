"""Which clips are learned from, which choose the checkpoint, and which are scored once.

A score says something about people whom the model has never heard only if neither a speaker nor a
sentence is on both sides. So clips that share one form a group, groups stay whole, and they are
dealt out until each split has its share of the hours.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lab.core.errors import OptionsError
from lab.dataset.dealing import Group, deal, grouped
from lab.dataset.table import SPLITS, Entry

SHARES = (0.8, 0.1, 0.1)
SPEAKER_AND_SENTENCE, SPEAKER, SENTENCE = "speaker and sentence", "speaker", "sentence"
BY = (SPEAKER_AND_SENTENCE, SPEAKER, SENTENCE)  # what no two splits have in common

# Where the groups beside the largest one have less than this part of what validation and test are
# to have, the splits would not be worth their names.
_ENOUGH = 0.5


@dataclass(frozen=True)
class Leak:
    """What is in more than one split.

    kind: "speaker" or "sentence"
    value: the speaker, or the sentence as the first of its clips has it
    splits: in the order of `SPLITS`
    file_names: all clips with it that are in a split
    """

    kind: str
    value: str
    splits: tuple[str, ...]
    file_names: tuple[str, ...]


@dataclass(frozen=True)
class SplitSize:
    """What a split holds. duration_s: of the clips whose length is known."""

    split: str
    n_clips: int
    n_speakers: int
    duration_s: float


@dataclass(frozen=True)
class Proposal:
    """A way to split a dataset.

    edits: all clips, as they are and as they would be; for `Dataset.change`
    sizes: of each split as it would be, also of one that gets nothing
    leaks_before, leaks_after: as the clips are, and as they would be
    note: why speakers are not kept apart though that was asked for, a sentence; else ""
    """

    edits: tuple[tuple[Entry, Entry], ...]
    sizes: tuple[SplitSize, ...]
    leaks_before: tuple[Leak, ...]
    leaks_after: tuple[Leak, ...]
    note: str = ""

    @property
    def n_changed(self) -> int:
        """How many clips would get another split than they have."""
        return sum(before.split != after.split for before, after in self.edits)


def split(
    entries: Iterable[Entry],
    *,
    shares: Sequence[float] = SHARES,
    seed: int = 0,
    by: str = SPEAKER_AND_SENTENCE,
    keep: bool = False,
) -> Proposal:
    """Propose a split for each clip that a model can learn from, and none for the others.

    shares: of the hours for train, validation and test, relative to each other; 0 for none
    seed: another one gives other splits; the same gives the same, whatever the order of the clips
    by: one of `BY`; clips without a speaker are not tied together by that
    keep: leave clips that are in a split there, and deal out only the others

    Where one speaker, or speakers with the same sentences, have so much of the speech that little
    is left for the other splits, only sentences are kept apart, and `note` says so. Clips of
    unknown length count as long as the others are on average. No split with a share is empty.
    Raises OptionsError for wrong settings and for too few clips.
    """
    clips = tuple(entries)
    targets = _targets(shares, by)
    usable = [clip for clip in clips if clip.is_usable]
    if not usable:
        raise OptionsError("No clip has a text yet. Correct or import some texts, then split.")
    kept = {clip.file_name: clip.split for clip in usable if keep and clip.split in SPLITS}
    groups = grouped(usable, _KEYS[by])
    note = ""
    if by != SENTENCE and not _can_be_dealt(groups, targets):
        groups, note = (
            grouped(usable, _KEYS[SENTENCE]),
            _why_sentences_only(groups, usable, targets),
        )
    if len(groups) < len(targets):
        raise OptionsError(
            f"{len(groups)} different sentences cannot be dealt out to {len(targets)} splits; "
            "add clips, or give fewer splits a share."
        )
    splits = {**deal(groups, kept, targets, seed=seed), **kept}
    edits = tuple((clip, _placed(clip, splits, keep)) for clip in clips)
    after = [clip for _, clip in edits]
    return Proposal(edits, sizes(after), tuple(leaks(clips)), tuple(leaks(after)), note)


def leaks(entries: Iterable[Entry]) -> list[Leak]:
    """Speakers and sentences that are in more than one split, speakers first.

    Clips without a text or a split, and those left out, leak nothing. Sentences are the same where
    `sentence_key` is.
    """
    in_splits = [entry for entry in entries if entry.is_usable and entry.split in SPLITS]
    kinds: dict[str, Callable[[Entry], str]] = {"speaker": _speaker, "sentence": _sentence}
    found = []
    for kind, key in kinds.items():
        for clips in _by_key(in_splits, key).values():
            splits = {clip.split for clip in clips}
            if len(splits) > 1:
                value = clips[0].speaker if kind == "speaker" else clips[0].transcription
                names = tuple(clip.file_name for clip in clips)
                found.append(Leak(kind, value, tuple(s for s in SPLITS if s in splits), names))
    return found


def sizes(entries: Iterable[Entry]) -> tuple[SplitSize, ...]:
    """How much each split holds, in the order of `SPLITS`; clips that are left out don't count."""
    members: dict[str, list[Entry]] = {name: [] for name in SPLITS}
    for entry in entries:
        if entry.is_usable and entry.split in members:
            members[entry.split].append(entry)
    return tuple(
        SplitSize(
            name,
            len(clips),
            len({clip.speaker for clip in clips} - {""}),
            sum(clip.duration_s or 0.0 for clip in clips),
        )
        for name, clips in members.items()
    )


def sentence_key(text: str) -> str:
    """A text without capitals, punctuation and symbols: two with the same key sound the same."""
    spoken = unicodedata.normalize("NFC", text).casefold().translate(_SEPARATORS)
    return " ".join(spoken.split())


class _Separators(dict[int, int | str]):
    """Blanks for what is no letter, mark or digit; each character is looked up once."""

    def __missing__(self, code: int) -> int | str:
        is_heard = unicodedata.category(chr(code))[0] in "LMN"
        self[code] = code if is_heard else " "
        return self[code]


_SEPARATORS = _Separators()


def _speaker(entry: Entry) -> str:
    return entry.speaker


def _sentence(entry: Entry) -> str:
    return sentence_key(entry.transcription)


_KEYS = {
    SPEAKER_AND_SENTENCE: (_speaker, _sentence),
    SPEAKER: (_speaker,),
    SENTENCE: (_sentence,),
}


def _by_key(entries: Iterable[Entry], key: Callable[[Entry], str]) -> Mapping[str, Sequence[Entry]]:
    """The clips that have a key, by it."""
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if value := key(entry):
            found[value].append(entry)
    return found


def _targets(shares: Sequence[float], by: str) -> dict[str, float]:
    """The splits that are to get something, with their part of all speech."""
    if by not in BY:
        raise OptionsError(f"Clips are kept apart by {', '.join(BY)}; not by “{by[:40]}”.")
    # Written so that "not a number" fails it too.
    if len(shares) != len(SPLITS) or not all(0 <= share < 1e6 for share in shares):
        raise OptionsError("Give three shares of 0 or more for train, validation, test: 80,10,10.")
    if not shares[0]:
        raise OptionsError("The share of train is 0, so there would be nothing to learn from.")
    return {name: share / sum(shares) for name, share in zip(SPLITS, shares, strict=True) if share}


def _can_be_dealt(groups: Sequence[Group], targets: Mapping[str, float]) -> bool:
    """Whether enough is left beside the largest group, and in pieces enough."""
    left = 1 - max(group.weight for group in groups)
    wanted = 1 - max(targets.values())
    return len(groups) >= len(targets) and left >= _ENOUGH * wanted


def _why_sentences_only(
    groups: Sequence[Group], usable: Sequence[Entry], targets: Mapping[str, float]
) -> str:
    largest = max(groups, key=lambda group: group.weight)
    n_speakers = len({clip.speaker for clip in largest.clips} - {""})
    if 1 < len(groups) < len(targets):
        why = f"There are only {len(groups)} groups of speakers who share no sentence"
    else:
        who = (
            "One speaker has"
            if n_speakers == 1
            else f"{n_speakers} speakers, tied together by sentences that several of them say, have"
        )
        part = "all" if len(largest.clips) == len(usable) else f"{largest.weight:.0%}"
        why = f"{who} {part} of the speech"
    return (
        f"{why}, so speakers cannot be kept apart; only sentences are. "
        "Scores will be better than for people whom the model has never heard."
    )


def _placed(clip: Entry, splits: Mapping[str, str], keep: bool) -> Entry:
    if keep and not clip.is_usable:
        return clip
    return replace(clip, split=splits.get(clip.file_name, ""))
