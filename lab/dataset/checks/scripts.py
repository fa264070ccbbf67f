"""The script of each letter, and the scripts that Whisper's languages are written in."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache

# Scripts of languages that are not only written in Latin letters. Alternatives are separated by
# spaces; scripts used together are joined by +.
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
