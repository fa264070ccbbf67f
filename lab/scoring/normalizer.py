"""What is taken for the same when texts are compared.

Three ways stand side by side: raw, since a reader sees capitals and commas too; basic, which is
what papers about Whisper report for languages other than English; and one of a person's own.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

from lab.core.errors import OptionsError

Inside = Literal["keep", "join", "split"]

_APOSTROPHES, _HYPHENS = "'’‘ʼ`´＇", "-‐‑–"
_INSIDE = {
    "'": re.compile(rf"(?<=\w)[{_APOSTROPHES}](?=\w)"),
    "-": re.compile(rf"(?<=\w)[{_HYPHENS}](?=\w)"),
}
_NOT_INSIDE = re.compile(r"(?<!\w)['-]|['-](?!\w)")
# As openai-whisper has them; where no closing bracket follows, they would take quadratic time.
_NOTE, _ASIDE = re.compile(r"[<\[][^>\]]*[>\]]"), re.compile(r"\(([^)]+?)\)")
_SWITCHES = ("case", "notes", "unicode", "punctuation", "diacritics")
_INSIDE_SETTINGS = ("apostrophes", "hyphens")
_MAX_REPLACEMENTS, _MAX_SPELLING = 100, 50


@dataclass(frozen=True)
class Normalizer:
    """A function from text to text; each field is a switch, and with all off only spaces change.

    case: capital and small letters are the same
    notes: what stands in brackets counts for nothing
    unicode: letters that can be written in two ways are the same (Unicode NFKC)
    punctuation: punctuation and symbols count as spaces
    apostrophes, hyphens: where they stand inside of a word they are kept, or left out so that its
        parts are joined, or taken for a space
    diacritics: ë is the same as e and ç as c; almost always wrong, as in Albanian, where they are
        letters of their own
    replacements: pairs of a spelling and what it is the same as, in small letters if `case` is on
    """

    case: bool = False
    notes: bool = False
    unicode: bool = False
    punctuation: bool = False
    apostrophes: Inside = "keep"
    hyphens: Inside = "keep"
    diacritics: bool = False
    replacements: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if len(self.replacements) > _MAX_REPLACEMENTS:
            raise OptionsError(
                f"There are {len(self.replacements)} replacements; {_MAX_REPLACEMENTS} is the most."
            )
        for spelling, same_as in self.replacements:
            if not 1 <= len(spelling) <= _MAX_SPELLING or len(same_as) > _MAX_SPELLING:
                raise OptionsError(
                    f"“{spelling[:20]}” cannot be replaced by “{same_as[:20]}”: a spelling has 1 "
                    f"to {_MAX_SPELLING} characters, and what it becomes no more."
                )

    def __call__(self, text: str) -> str:
        """The text as it is compared, its words with single spaces between them."""
        if self.case:
            text = text.lower()
        if self.notes:
            text = _without(_ASIDE, _without(_NOTE, text, ">]"), ")")
        if self.unicode:
            text = unicodedata.normalize("NFKC", text)
            text = text.lower() if self.case else text  # that of ™ brought new capitals
        if self.replacements:
            instead = dict(self.replacements)
            text = _any_of(tuple(instead)).sub(lambda found: instead[found[0]], text)
        if self.diacritics:
            bare = unicodedata.normalize("NFD", text).translate(_WITHOUT_MARKS)
            text = unicodedata.normalize("NFC", bare)
        return " ".join(self._punctuated(text).split())

    def _punctuated(self, text: str) -> str:
        """The text without the punctuation that does not count."""
        for sign, how in (("'", self.apostrophes), ("-", self.hyphens)):
            if self.punctuation or how != "keep":
                instead = {"keep": sign, "join": "", "split": " "}[how]
                text = _INSIDE[sign].sub(instead, text)
        if self.punctuation:
            text = _NOT_INSIDE.sub(" ", text.translate(_WITHOUT_PUNCTUATION))
        return text


class _Translation(dict[int, str | None]):
    """For `str.translate`: what becomes of each character, found out when it first comes."""

    def __init__(self, category: str, instead: str | None, but: str = "") -> None:
        super().__init__({ord(character): character for character in but})
        self._category, self._instead = category, instead

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        is_in = unicodedata.category(character).startswith(tuple(self._category.split()))
        self[code] = self._instead if is_in else character
        return self[code]


# openai-whisper's also takes marks away that no letter can absorb, and with them the vowels of
# Hindi, Thai and others; here they stay.
_WITHOUT_PUNCTUATION = _Translation("P S", " ", but="'-")
_WITHOUT_MARKS = _Translation("Mn", None)

RAW = Normalizer()
# openai-whisper's BasicTextNormalizer.
BASIC = Normalizer(
    case=True, notes=True, unicode=True, punctuation=True, apostrophes="split", hyphens="split"
)


def parse_normalizer(line: str) -> Normalizer:
    """The normalizer that a line describes, such as “case, punctuation, hyphens=join, w>v”.

    A word is a switch that is on, what becomes of apostrophes or hyphens, or a spelling and what it
    is the same as. Raises OptionsError for any other.
    """
    values: dict[str, Any] = {}
    replacements = []
    for word in filter(None, (part.strip() for part in line.split(","))):
        name, _, how = (part.strip() for part in word.partition("="))
        spelling, sign, same_as = word.partition(">")
        if word in _SWITCHES:
            values[word] = True
        elif name in _INSIDE_SETTINGS and how in get_args(Inside):
            values[name] = how
        elif sign:
            replacements.append((spelling.strip(), same_as.strip()))
        else:
            raise OptionsError(
                f"“{word[:40]}” is nothing that can be taken for the same; choose from "
                f"{', '.join(_SWITCHES)}, {'=…, '.join(_INSIDE_SETTINGS)}=… ("
                f"{', '.join(get_args(Inside))}), or a spelling and another one, such as w>v."
            )
    return Normalizer(**values, replacements=tuple(replacements))


def _without(pattern: re.Pattern[str], text: str, closing: str) -> str:
    """`text` without what `pattern` finds up to the last closing bracket."""
    end = max(map(text.rfind, closing)) + 1
    return pattern.sub("", text[:end]) + text[end:]


@lru_cache(maxsize=16)
def _any_of(spellings: tuple[str, ...]) -> re.Pattern[str]:
    """Finds the longest spelling at each place; all at once, so that a and b can be exchanged."""
    return re.compile("|".join(map(re.escape, sorted(spellings, key=len, reverse=True))))
