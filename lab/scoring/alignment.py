"""Two sequences laid side by side with the fewest insertions, deletions and substitutions.

V. I. Levenshtein, “Binary codes capable of correcting deletions, insertions, and reversals”, 1966;
computed by RapidFuzz. Where several alignments need equally few, it takes one of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from rapidfuzz.distance import Levenshtein

Kind = Literal["equal", "replace", "delete", "insert"]


@dataclass(frozen=True, slots=True)
class Counts:
    """What an alignment consists of, in words or in characters; sums are those of a whole set.

    hits: the same on both sides
    substitutions, insertions, deletions: steps from the reference to the hypothesis
    """

    hits: int = 0
    substitutions: int = 0
    insertions: int = 0
    deletions: int = 0

    @property
    def n_reference(self) -> int:
        """How long the reference is."""
        return self.hits + self.substitutions + self.deletions

    @property
    def errors(self) -> int:
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self) -> float:
        """Errors for each piece of the reference, 0 or more.

        Against an empty reference it is the number of insertions, as if there were one word; this
        is jiwer's definition too.
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
class Block:
    """A stretch of an alignment.

    kind: "equal"; "replace", where both stretches are equally long; "delete" for what the
        hypothesis lacks; "insert" for what it has too much
    start, end: where in the reference
    hyp_start, hyp_end: where in the hypothesis
    """

    kind: Kind
    start: int
    end: int
    hyp_start: int
    hyp_end: int


@dataclass(frozen=True)
class Alignment:
    """A reference and a hypothesis, in words or in characters, and how they go together."""

    reference: Sequence[str]
    hypothesis: Sequence[str]
    blocks: tuple[Block, ...]

    @property
    def counts(self) -> Counts:
        lengths = {"equal": 0, "replace": 0, "insert": 0, "delete": 0}
        for block in self.blocks:
            lengths[block.kind] += max(block.end - block.start, block.hyp_end - block.hyp_start)
        return Counts(lengths["equal"], lengths["replace"], lengths["insert"], lengths["delete"])

    def pairs(self) -> Iterator[tuple[Kind, str, str]]:
        """Piece by piece: kind, of the reference, of the hypothesis; "" where there is none."""
        for block in self.blocks:
            length = max(block.end - block.start, block.hyp_end - block.hyp_start)
            lacks, adds = block.kind == "delete", block.kind == "insert"
            for step in range(length):
                yield (
                    block.kind,
                    "" if adds else self.reference[block.start + step],
                    "" if lacks else self.hypothesis[block.hyp_start + step],
                )


@dataclass(frozen=True, slots=True)
class Difference:
    """A word of the reference beside the one of the hypothesis, for showing.

    kind: as in `Block`
    reference, hypothesis: the words; "" where there is none
    characters: of a replaced word, its characters compared; empty for other kinds
    """

    kind: Kind
    reference: str
    hypothesis: str
    characters: tuple["Difference", ...] = ()


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> Alignment:
    """The alignment with the fewest steps, of lists of words or of strings of characters."""
    blocks = tuple(
        Block(cast(Kind, step.tag), step.src_start, step.src_end, step.dest_start, step.dest_end)
        for step in Levenshtein.opcodes(reference, hypothesis)
    )
    return Alignment(reference, hypothesis, blocks)


def differences(reference: str, hypothesis: str) -> list[Difference]:
    """Two texts compared word by word, and replaced words character by character.

    Texts are compared as they are; normalise them first to see what a score counts.
    """
    return [
        Difference(
            kind,
            said,
            heard,
            tuple(Difference(*pair) for pair in align(said, heard).pairs())
            if kind == "replace"
            else (),
        )
        for kind, said, heard in align(reference.split(), hypothesis.split()).pairs()
    ]
