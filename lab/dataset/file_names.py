"""File names of clips that Hugging Face's `datasets` does not mistake for names of splits.

It infers splits from words in file names: with one clip called “test-1.wav” in the folder, it would
open that clip alone, without its text.
"""

import re

# The patterns that `datasets` looks for, delimited by anything but letters.
_SPLIT_WORDS = re.compile(
    r"(?<![^\W\d_])(train|training|validation|valid|dev|val|test|testing|eval|evaluation)"
    r"(?![^\W\d_])",
    re.IGNORECASE,
)


def avoid_split_words(stem: str) -> str:
    """A file name without suffix, with each word that names a split put in the plural."""
    return _SPLIT_WORDS.sub(r"\1s", stem)
