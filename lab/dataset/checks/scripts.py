"""Which script a letter is of, and in which scripts Whisper's languages are written."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache

# How languages that are not always written in Latin letters are written: alternatives are set
# apart by spaces, scripts that are used together are joined by +.
_SCRIPTS = {
    "am": "ETHIOPIC",
    "ar": "ARABIC",
    "as": "BENGALI",
    "az": "LATIN CYRILLIC ARABIC",
    "ba": "CYRILLIC",
    "be": "CYRILLIC",
    "bg": "CYRILLIC",
    "bn": "BENGALI",
    "bo": "TIBETAN",
    "bs": "LATIN CYRILLIC",
    "el": "GREEK",
    "fa": "ARABIC",
    "gu": "GUJARATI",
    "ha": "LATIN ARABIC",
    "he": "HEBREW",
    "hi": "DEVANAGARI",
    "hy": "ARMENIAN",
    "ja": "CJK+HIRAGANA+KATAKANA",
    "jw": "LATIN JAVANESE",
    "ka": "GEORGIAN",
    "kk": "CYRILLIC LATIN ARABIC",
    "km": "KHMER",
    "kn": "KANNADA",
    "ko": "HANGUL+CJK",
    "lo": "LAO",
    "mk": "CYRILLIC",
    "ml": "MALAYALAM",
    "mn": "CYRILLIC MONGOLIAN",
    "mr": "DEVANAGARI",
    "my": "MYANMAR",
    "ne": "DEVANAGARI",
    "pa": "GURMUKHI ARABIC",
    "ps": "ARABIC",
    "ru": "CYRILLIC",
    "sa": "DEVANAGARI",
    "sd": "ARABIC DEVANAGARI",
    "si": "SINHALA",
    "sr": "CYRILLIC LATIN",
    "su": "LATIN SUNDANESE",
    "ta": "TAMIL",
    "te": "TELUGU",
    "tg": "CYRILLIC ARABIC",
    "th": "THAI",
    "tk": "LATIN CYRILLIC ARABIC",
    "tt": "CYRILLIC LATIN",
    "uk": "CYRILLIC",
    "ur": "ARABIC",
    "uz": "LATIN CYRILLIC ARABIC",
    "yi": "HEBREW",
    "yue": "CJK",
    "zh": "CJK",
}
_LATIN = "LATIN"
# Letters whose names begin otherwise than with their script, and signs that many scripts share.
_OTHER_NAMES = {
    "KATAKANA-HIRAGANA": "KATAKANA",
    "HALFWIDTH": "",
    "FULLWIDTH": "",
    "IDEOGRAPHIC": "",
}
_SHARED = {"MODIFIER": "", "MICRO": "", "FEMININE": "", "MASCULINE": "", "OHM": "", "KELVIN": ""}


@cache
def script_of(char: str) -> str:
    """The script of a letter, such as "LATIN" or "CJK"; "" for all that is no letter of one."""
    if unicodedata.category(char)[0] != "L":
        return ""
    first = unicodedata.name(char, "").split(" ")[0]
    return (_OTHER_NAMES | _SHARED).get(first, first)


def expected_scripts(language: str, texts: Iterable[str]) -> frozenset[str]:
    """The scripts that texts of `language` should be in.

    A language with several ways to be written has the one that most of these texts are in.
    """
    ways = [frozenset(way.split("+")) for way in _SCRIPTS.get(language, _LATIN).split()]
    if len(ways) == 1:
        return ways[0]
    counted = letters_by_script(Counter("".join(texts)))
    return max(ways, key=lambda way: sum(counted.get(script, 0) for script in way))


def letters_by_script(letters: Mapping[str, int]) -> Counter[str]:
    """How many letters of each script there are, from how often each character is there."""
    counted: Counter[str] = Counter()
    for char, count in letters.items():
        if script := script_of(char):
            counted[script] += count
    return counted
