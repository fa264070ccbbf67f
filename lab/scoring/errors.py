"""Which errors a model makes: confusions of characters or words, and words that it misses."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lab.scoring.alignment import align

Unit = Literal["character", "word"]


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
