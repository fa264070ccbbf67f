"""Normalisation of texts before they are compared.

Three are reported: raw, since readers see capitals and commas too; basic, which papers about
Whisper report for languages other than English; and a custom one.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

from lab.core.errors import OptionsError

InsideWord = Literal["keep", "join", "split"]

_APOSTROPHES, _HYPHENS = "'’‘ʼ`´＇", "-‐‑–"
_INSIDE = {
    "'": re.compile(rf"(?<=\w)[{_APOSTROPHES}](?=\w)"),
    "-": re.compile(rf"(?<=\w)[{_HYPHENS}](?=\w)"),
}
_NOT_INSIDE = re.compile(r"(?<!\w)['-]|['-](?!\w)")
# Those of openai-whisper, which take quadratic time without a closing bracket.
_BRACKETED, _PARENTHESISED = re.compile(r"[<\[][^>\]]*[>\]]"), re.compile(r"\(([^)]+?)\)")
_SWITCHES = ("case", "notes", "unicode", "punctuation", "diacritics")
_INSIDE_SETTINGS = ("apostrophes", "hyphens")
_MAX_REPLACEMENTS, _MAX_SPELLING = 100, 50


@dataclass(frozen=True)
class Normalizer:
    """A function from text to text; with all options off it only collapses spaces.

    case: ignore case
    notes: remove what is in brackets
    unicode: apply Unicode NFKC, which unifies letters that can be encoded in several ways
    punctuation: replace punctuation and symbols with spaces
    apostrophes, hyphens: inside words, keep them, join the parts, or split at them
    diacritics: remove diacritics (ë → e, ç → c); almost always wrong, as in Albanian, where these
        are separate letters
    replacements: pairs of a spelling and its replacement, in lower case if `case` is on
    """

    case: bool = False
    notes: bool = False
    unicode: bool = False
    punctuation: bool = False
    apostrophes: InsideWord = "keep"
    hyphens: InsideWord = "keep"
    diacritics: bool = False
    replacements: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if len(self.replacements) > _MAX_REPLACEMENTS:
            raise OptionsError(
                f"There are {len(self.replacements)} replacements; at most {_MAX_REPLACEMENTS} are "
                "allowed."
            )
        for spelling, replacement in self.replacements:
            if not 1 <= len(spelling) <= _MAX_SPELLING or len(replacement) > _MAX_SPELLING:
                raise OptionsError(
                    f"“{spelling[:20]}” cannot be replaced by “{replacement[:20]}”: a spelling has "
                    f"1 to {_MAX_SPELLING} characters, its replacement at most {_MAX_SPELLING}."
                )

    def __call__(self, text: str) -> str:
        """The normalised text, with single spaces between words."""
        if self.case:
            text = text.lower()
        if self.notes:
            text = _remove(_PARENTHESISED, _remove(_BRACKETED, text, ">]"), ")")
        if self.unicode:
            text = unicodedata.normalize("NFKC", text)
            text = text.lower() if self.case else text  # ™ becomes TM
        if self.replacements:
            replacements = dict(self.replacements)
            pattern = _any_of(tuple(replacements))
            text = pattern.sub(lambda match: replacements[match[0]], text)
        if self.diacritics:
            base_letters = unicodedata.normalize("NFD", text).translate(_WITHOUT_MARKS)
            text = unicodedata.normalize("NFC", base_letters)
        for sign, how in (("'", self.apostrophes), ("-", self.hyphens)):
            if self.punctuation or how != "keep":
                text = _INSIDE[sign].sub({"keep": sign, "join": "", "split": " "}[how], text)
        if self.punctuation:
            text = _NOT_INSIDE.sub(" ", text.translate(_WITHOUT_PUNCTUATION))
        return " ".join(text.split())


class _Translation(dict[int, str | None]):
    """A table for `str.translate` that is filled as characters occur."""

    def __init__(self, categories: str, replacement: str | None, keep: str = "") -> None:
        super().__init__({ord(character): character for character in keep})
        self._categories, self._replacement = tuple(categories.split()), replacement

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        is_replaced = unicodedata.category(character).startswith(self._categories)
        self[code] = self._replacement if is_replaced else character
        return self[code]


# openai-whisper's also removes combining marks, among them the vowel signs of Hindi and Thai; here
# they stay.
_WITHOUT_PUNCTUATION = _Translation("P S", " ", keep="'-")
_WITHOUT_MARKS = _Translation("Mn", None)

RAW = Normalizer()
# openai-whisper's BasicTextNormalizer.
BASIC = Normalizer(
    case=True, notes=True, unicode=True, punctuation=True, apostrophes="split", hyphens="split"
)


def parse_normalizer(line: str) -> Normalizer:
    """The normalizer described by a line such as “case, punctuation, hyphens=join, w>v”.

    Each word turns on an option, sets what happens to apostrophes or hyphens, or is a replacement.
    Raises OptionsError for anything else.
    """
    values: dict[str, Any] = {}
    replacements = []
    for word in filter(None, (part.strip() for part in line.split(","))):
        name, _, how = (part.strip() for part in word.partition("="))
        spelling, arrow, replacement = word.partition(">")
        if word in _SWITCHES:
            values[word] = True
        elif name in _INSIDE_SETTINGS and how in get_args(InsideWord):
            values[name] = how
        elif arrow:
            replacements.append((spelling.strip(), replacement.strip()))
        else:
            raise OptionsError(
                f"Unknown option “{word[:40]}” of the normaliser. Choose from "
                f"{', '.join(_SWITCHES)}, {'=…, '.join(_INSIDE_SETTINGS)}=… ("
                f"{', '.join(get_args(InsideWord))}), or a replacement such as w>v."
            )
    return Normalizer(**values, replacements=tuple(replacements))


def _remove(pattern: re.Pattern[str], text: str, closing: str) -> str:
    """Remove matches of `pattern` up to the last closing bracket."""
    end = max(map(text.rfind, closing)) + 1
    return pattern.sub("", text[:end]) + text[end:]


@lru_cache(maxsize=16)
def _any_of(spellings: tuple[str, ...]) -> re.Pattern[str]:
    """Matches the longest spelling; all in one pass, so that a and b can be swapped."""
    return re.compile("|".join(map(re.escape, sorted(spellings, key=len, reverse=True))))
