"""The script of each letter, and the scripts that Whisper's languages are written in."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache

# Languages that are not only written in Latin letters, by their scripts. Alternatives are separated
# by spaces; scripts used together are joined by +.
_LANGUAGES_BY_SCRIPT = {
    "ARABIC": "ar fa ps ur",
    "ARMENIAN": "hy",
    "BENGALI": "as bn",
    "CJK": "yue zh",
    "CJK+HIRAGANA+KATAKANA": "ja",
    "CYRILLIC": "ba be bg mk ru uk",
    "DEVANAGARI": "hi mr ne sa",
    "ETHIOPIC": "am",
    "GEORGIAN": "ka",
    "GREEK": "el",
    "GUJARATI": "gu",
    "HANGUL+CJK": "ko",
    "HEBREW": "he yi",
    "KANNADA": "kn",
    "KHMER": "km",
    "LAO": "lo",
    "MALAYALAM": "ml",
    "MYANMAR": "my",
    "SINHALA": "si",
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
    "TIBETAN": "bo",
    "ARABIC DEVANAGARI": "sd",
    "CYRILLIC ARABIC": "tg",
    "CYRILLIC LATIN": "sr tt",
    "CYRILLIC MONGOLIAN": "mn",
    "GURMUKHI ARABIC": "pa",
    "LATIN ARABIC": "ha",
    "LATIN CYRILLIC": "bs",
    "LATIN JAVANESE": "jw",
    "LATIN SUNDANESE": "su",
    "CYRILLIC LATIN ARABIC": "kk",
    "LATIN CYRILLIC ARABIC": "az tk uz",
}
_SCRIPTS = {
    code: scripts for scripts, codes in _LANGUAGES_BY_SCRIPT.items() for code in codes.split()
}
# First words of Unicode names that are not names of scripts: letters shared by scripts get "".
_SCRIPT_OF_NAME = {
    "KATAKANA-HIRAGANA": "KATAKANA",
    **dict.fromkeys(("HALFWIDTH", "FULLWIDTH", "IDEOGRAPHIC", "MODIFIER", "MICRO"), ""),
    **dict.fromkeys(("FEMININE", "MASCULINE", "OHM", "KELVIN"), ""),
}


@cache
def script_of(char: str) -> str:
    """The script of a letter, such as "LATIN" or "CJK"; "" for other characters."""
    if unicodedata.category(char)[0] != "L":
        return ""
    first = unicodedata.name(char, "").split(" ")[0]
    return _SCRIPT_OF_NAME.get(first, first)


def expected_scripts(language: str, texts: Iterable[str]) -> frozenset[str]:
    """The scripts that texts of a language should use.

    For a language with alternatives, those that most letters of these texts use.
    """
    alternatives = [
        frozenset(scripts.split("+")) for scripts in _SCRIPTS.get(language, "LATIN").split()
    ]
    if len(alternatives) == 1:
        return alternatives[0]
    counts = letters_by_script(Counter("".join(texts)))
    return max(alternatives, key=lambda scripts: sum(counts[script] for script in scripts))


def letters_by_script(counts: Mapping[str, int]) -> Counter[str]:
    """Number of letters per script. counts: number of occurrences by character"""
    by_script: Counter[str] = Counter()
    for char, count in counts.items():
        if script := script_of(char):
            by_script[script] += count
    return by_script
