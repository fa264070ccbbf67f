"""Error rates of transcripts, and which errors they consist of.

WER, the word error rate, is the smallest number of insertions, deletions and substitutions that
turn the reference into the hypothesis, divided by the words of the reference; CER is the same by
character. Both can exceed 1. For a set of clips they are computed from sums, so that each word
counts equally however long its clip.
"""

from lab.scoring.alignment import (
    Alignment,
    AlignmentBlock,
    Confusion,
    Counts,
    Difference,
    Unit,
    WordAccuracy,
    align,
    confusions,
    differences,
    word_accuracy,
)
from lab.scoring.bootstrap import Comparison, paired_bootstrap
from lab.scoring.normalizer import BASIC, RAW, Normalizer
from lab.scoring.score import Score, score, score_each

__all__ = [
    "BASIC", "RAW", "Alignment", "AlignmentBlock", "Comparison", "Confusion", "Counts",
    "Difference", "Normalizer", "Score", "Unit", "WordAccuracy", "align", "confusions",
    "differences", "paired_bootstrap", "score", "score_each", "word_accuracy",
]  # fmt: skip
