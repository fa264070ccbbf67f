"""The texts of a dataset cleaned, all at once: what would change is seen before it does."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from lab.core.progress import Progress, ignore
from lab.dataset.table import Entry
from lab.dataset.text_rules import Cleaned, Cleaning, clean

_TOLD_EVERY = 500  # texts; one takes some 50 µs


@dataclass(frozen=True)
class CleanedClip:
    """A clip whose text would change, and how."""

    entry: Entry
    cleaned: Cleaned

    @property
    def edit(self) -> tuple[Entry, Entry]:
        """The clip as it is and as it would be, for `Dataset.change`."""
        return self.entry, replace(self.entry, transcription=self.cleaned.text)


@dataclass(frozen=True)
class CleanedTexts:
    """What cleaning makes of a dataset.

    n_texts: clips that have a text
    changed: the clips whose text would change, in the order of the table
    places, clips: for each rule that was on, how many places it changes, and in how many clips
    numbers: clips with numbers in digits, which are left: how they are read aloud, only a person
        knows
    damaged: clips with signs (�) for letters that were lost
    emptied: clips of which no text would be left
    """

    n_texts: int
    changed: tuple[CleanedClip, ...]
    places: Mapping[str, int]
    clips: Mapping[str, int]
    numbers: tuple[Entry, ...]
    damaged: tuple[Entry, ...]
    emptied: tuple[Entry, ...]


def clean_texts(
    entries: Iterable[Entry], cleaning: Cleaning | None = None, *, on_progress: Progress = ignore
) -> CleanedTexts:
    """Clean the texts of all clips, also of those that are left out; nothing is written.

    on_progress: called in clips; raising `Cancelled` from it stops
    """
    with_text = [entry for entry in entries if entry.transcription]
    places: Counter[str] = Counter()
    clips: Counter[str] = Counter()
    changed, numbers, damaged = [], [], []
    for n_done, entry in enumerate(with_text):
        if n_done % _TOLD_EVERY == 0:
            on_progress(n_done, len(with_text), "Cleaning the texts")
        cleaned = clean(entry.transcription, cleaning)
        for rule, count in cleaned.counts.items():
            places[rule] += count
            clips[rule] += count > 0
        if cleaned.text != cleaned.before:
            changed.append(CleanedClip(entry, cleaned))
        if cleaned.n_numbers:
            numbers.append(entry)
        if cleaned.n_damaged:
            damaged.append(entry)
    emptied = tuple(one.entry for one in changed if not one.cleaned.text)
    return CleanedTexts(
        len(with_text), tuple(changed), places, clips, tuple(numbers), tuple(damaged), emptied
    )
