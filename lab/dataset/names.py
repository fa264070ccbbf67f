"""Names of clips that mean nothing to other programs.

Hugging Face's library takes words of a file's name for splits: one clip called “test-1.wav”, and it
opens that clip alone, without its text.
"""

import re

# What `datasets` looks for, between anything but letters.
_SPLIT_WORDS = re.compile(
    r"(?<![^\W\d_])(train|training|validation|valid|dev|val|test|testing|eval|evaluation)"
    r"(?![^\W\d_])",
    re.IGNORECASE,
)


def without_split_words(stem: str) -> str:
    """A file's name without ending, with each word that names a split in the plural."""
    return _SPLIT_WORDS.sub(r"\1s", stem)
