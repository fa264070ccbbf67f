"""Align two sequences with the fewest insertions, deletions and substitutions, and count these.

V. I. Levenshtein, “Binary codes capable of correcting deletions, insertions, and reversals”, 1966;
computed by RapidFuzz. Of several minimal alignments it returns one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from rapidfuzz.distance import Levenshtein

EditKind = Literal["equal", "replace", "delete", "insert"]
Unit = Literal["character", "word"]


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of an alignment, in words or characters; those of several clips can be added.

    hits: equal on both sides
    substitutions, insertions, deletions: edits that turn the reference into the hypothesis
    """

    hits: int = 0
    substitutions: int = 0
    insertions: int = 0
    deletions: int = 0

    @property
    def n_reference(self) -> int:
        return self.hits + self.substitutions + self.deletions

    @property
    def errors(self) -> int:
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self) -> float:
        """Error rate, 0 or more: errors divided by the length of the reference.

        An empty reference counts as one word, as in jiwer.
        """
        return self.errors / max(self.n_reference, 1)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.hits + other.hits,
            self.substitutions + other.substitutions,
            self.insertions + other.insertions,
            self.deletions + other.deletions,
        )


@dataclass(frozen=True, slots=True)
class AlignmentBlock:
    """A run of equal edits.

    kind: "equal"; "replace", with as many items on both sides; "delete", missing from the
        hypothesis; "insert", only in the hypothesis
    start, end: slice of the reference
    hyp_start, hyp_end: slice of the hypothesis
    """

    kind: EditKind
    start: int
    end: int
    hyp_start: int
    hyp_end: int

    def __len__(self) -> int:
        return max(self.end - self.start, self.hyp_end - self.hyp_start)


@dataclass(frozen=True)
class Alignment:
    """A reference and a hypothesis, in words or characters, with the edits between them."""

    reference: Sequence[str]
    hypothesis: Sequence[str]
    blocks: tuple[AlignmentBlock, ...]

    @property
    def counts(self) -> Counts:
        lengths = dict.fromkeys(("equal", "replace", "insert", "delete"), 0)
        for block in self.blocks:
            lengths[block.kind] += len(block)
        return Counts(*lengths.values())

    def pairs(self) -> Iterator[tuple[EditKind, str, str]]:
        """Yield kind, reference item and hypothesis item of each edit; a missing item is ""."""
        for block in self.blocks:
            for index in range(len(block)):
                yield (
                    block.kind,
                    "" if block.kind == "insert" else self.reference[block.start + index],
                    "" if block.kind == "delete" else self.hypothesis[block.hyp_start + index],
                )


@dataclass(frozen=True, slots=True)
class Difference:
    """An aligned pair of words, for display.

    kind: as in `AlignmentBlock`
    reference, hypothesis: the words; "" if missing
    characters: aligned characters of a replaced word; empty for other kinds
    """

    kind: EditKind
    reference: str
    hypothesis: str
    characters: tuple["Difference", ...] = ()


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> Alignment:
    """Align two lists of words, or two strings by character, with the fewest edits."""
    blocks = tuple(
        AlignmentBlock(
            cast(EditKind, edit.tag), edit.src_start, edit.src_end, edit.dest_start, edit.dest_end
        )
        for edit in Levenshtein.opcodes(reference, hypothesis)
    )
    return Alignment(reference, hypothesis, blocks)


def differences(reference: str, hypothesis: str) -> list[Difference]:
    """Compare two texts word by word, and replaced words character by character.

    The texts are not normalised here; normalise them first to see what a score counts.
    """
    return [
        Difference(
            kind,
            ref_word,
            hyp_word,
            tuple(Difference(*pair) for pair in align(ref_word, hyp_word).pairs())
            if kind == "replace"
            else (),
        )
        for kind, ref_word, hyp_word in align(reference.split(), hypothesis.split()).pairs()
    ]


@dataclass(frozen=True, slots=True)
class Confusion:
    """A substitution, insertion or deletion, and how often it occurs.

    reference: "" for an insertion
    hypothesis: "" for a deletion
    """

    reference: str
    hypothesis: str
    count: int


@dataclass(frozen=True, slots=True)
class WordAccuracy:
    """How often a word occurs in the references, and how often the model got it right."""

    word: str
    count: int
    n_correct: int

    @property
    def n_missed(self) -> int:
        return self.count - self.n_correct

    @property
    def accuracy(self) -> float:
        return self.n_correct / self.count


def confusions(pairs: Iterable[tuple[str, str]], *, unit: Unit) -> list[Confusion]:
    """Count confusions; the most frequent come first.

    pairs: normalised reference and hypothesis of each clip
    """
    counter: Counter[tuple[str, str]] = Counter()
    for reference, hypothesis in pairs:
        words = reference.split(), hypothesis.split()
        if words[0] != words[1]:
            sides = words if unit == "word" else (" ".join(words[0]), " ".join(words[1]))
            counter.update(
                (ref_item, hyp_item)
                for kind, ref_item, hyp_item in align(*sides).pairs()
                if kind != "equal"
            )
    return [Confusion(*pair, count) for pair, count in counter.most_common()]


def word_accuracy(pairs: Iterable[tuple[str, str]]) -> list[WordAccuracy]:
    """Accuracy of each word of the references; those missed most often come first.

    pairs: normalised reference and hypothesis of each clip
    """
    counts: Counter[str] = Counter()
    correct: Counter[str] = Counter()
    for reference, hypothesis in pairs:
        words = reference.split()
        counts.update(words)
        for block in align(words, hypothesis.split()).blocks:
            if block.kind == "equal":
                correct.update(words[block.start : block.end])
    accuracies = [WordAccuracy(word, count, correct[word]) for word, count in counts.items()]
    return sorted(accuracies, key=lambda word: (-word.n_missed, word.accuracy, word.word))
