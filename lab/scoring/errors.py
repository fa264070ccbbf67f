"""Which errors a model makes: what it takes for what, and which words it does not know."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lab.scoring.alignment import align

Unit = Literal["character", "word"]


@dataclass(frozen=True, slots=True)
class Confusion:
    """What was said, what the model wrote instead, and how often.

    reference: "" for what the model made up
    hypothesis: "" for what it left out
    """

    reference: str
    hypothesis: str
    count: int


@dataclass(frozen=True, slots=True)
class WordAccuracy:
    """How often a word was said, and how often the model wrote it there."""

    word: str
    count: int
    recognised: int

    @property
    def missed(self) -> int:
        return self.count - self.recognised

    @property
    def accuracy(self) -> float:
        """0 to 1."""
        return self.recognised / self.count


def confusions(pairs: Iterable[tuple[str, str]], *, unit: Unit) -> list[Confusion]:
    """What was taken for what, the most frequent first.

    pairs: reference and hypothesis of each clip, normalised
    """
    found: Counter[tuple[str, str]] = Counter()
    for reference, hypothesis in pairs:
        words = reference.split(), hypothesis.split()
        if words[0] != words[1]:
            sides = words if unit == "word" else (" ".join(words[0]), " ".join(words[1]))
            found.update(
                (said, heard) for kind, said, heard in align(*sides).pairs() if kind != "equal"
            )
    return [Confusion(said, heard, count) for (said, heard), count in found.most_common()]


def word_accuracy(pairs: Iterable[tuple[str, str]]) -> list[WordAccuracy]:
    """How well each word of the references is known, those missed most often first.

    pairs: reference and hypothesis of each clip, normalised
    """
    said: Counter[str] = Counter()
    recognised: Counter[str] = Counter()
    for reference, hypothesis in pairs:
        words = reference.split()
        said.update(words)
        for block in align(words, hypothesis.split()).blocks:
            if block.kind == "equal":
                recognised.update(words[block.start : block.end])
    found = [WordAccuracy(word, count, recognised[word]) for word, count in said.items()]
    return sorted(found, key=lambda one: (-one.missed, one.accuracy, one.word))
