"""How much of what was said did a model get right: error rates, and which errors they are.

WER, the word error rate, is the fewest words to insert, delete and replace to get from what the
model wrote to the reference, divided by the words of the reference; CER is the same by character.
Both can be over 1: a model may write more than was said. Of a whole test set they are computed from
the sums, so that each word counts the same, however long its clip.
"""

from lab.scoring.alignment import Alignment, Block, Counts, Difference, align, differences
from lab.scoring.bootstrap import Comparison, paired_bootstrap
from lab.scoring.errors import (
    Confusion,
    Unit,
    WordAccuracy,
    confusions,
    word_accuracy,
)
from lab.scoring.normalizer import BASIC, RAW, Normalizer
from lab.scoring.score import Score, score, score_each

__all__ = [
    "BASIC",
    "RAW",
    "Alignment",
    "Block",
    "Comparison",
    "Confusion",
    "Counts",
    "Difference",
    "Normalizer",
    "Score",
    "Unit",
    "WordAccuracy",
    "align",
    "confusions",
    "differences",
    "paired_bootstrap",
    "score",
    "score_each",
    "word_accuracy",
]
