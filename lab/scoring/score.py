"""WER and CER of one clip and of a set."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.core.errors import OptionsError
from lab.scoring.alignment import Counts, align
from lab.scoring.normalizer import RAW, Normalizer


@dataclass(frozen=True, slots=True)
class Score:
    """Error counts of texts; for languages without spaces between words only the CER is useful.

    words, characters: counts by word and by character, where the space between words counts
    """

    words: Counts
    characters: Counts

    @property
    def wer(self) -> float:
        return self.words.rate

    @property
    def cer(self) -> float:
        return self.characters.rate

    def __add__(self, other: "Score") -> "Score":
        return Score(self.words + other.words, self.characters + other.characters)


def score(
    references: Sequence[str], hypotheses: Sequence[str], normalizer: Normalizer = RAW
) -> Score:
    """Score a set of clips, in which each word (or character) counts equally.

    references, hypotheses: texts of the same clips, in the same order
    normalizer: applied to both

    Raises OptionsError if their numbers differ.
    """
    return total(score_each(references, hypotheses, normalizer))


def score_each(
    references: Sequence[str], hypotheses: Sequence[str], normalizer: Normalizer = RAW
) -> list[Score]:
    """Score each clip; takes the parameters of `score`."""
    if len(references) != len(hypotheses):
        raise OptionsError(
            f"There are {len(references)} references and {len(hypotheses)} hypotheses; "
            "each clip needs one of each."
        )
    return [
        _score(normalizer(reference).split(), normalizer(hypothesis).split())
        for reference, hypothesis in zip(references, hypotheses, strict=True)
    ]


def total(scores: Iterable[Score]) -> Score:
    """The combined score of clips."""
    return sum(scores, Score(Counts(), Counts()))


def _score(reference: list[str], hypothesis: list[str]) -> Score:
    if reference == hypothesis:
        n_characters = sum(map(len, reference)) + max(len(reference) - 1, 0)
        return Score(Counts(hits=len(reference)), Counts(hits=n_characters))
    characters = align(" ".join(reference), " ".join(hypothesis)).counts
    return Score(align(reference, hypothesis).counts, characters)
