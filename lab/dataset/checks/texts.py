"""Checks of texts: letters, signs, digits, and how many tokens they are.

Each one takes texts by the file names of their clips, and gives what it found of those that fail.
A hundred thousand texts are looked through by regular expressions made of the characters that
occur in them; only what these catch is looked at letter by letter.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from lab.dataset.checks.known import MAX_TOKENS
from lab.dataset.checks.scripts import expected_scripts, letters_by_script, script_of

Texts = Mapping[str, str]
Hits = dict[str, str]

# Start of transcript, language, task, no timestamps; end of text.
_TOKENS_AROUND = 5
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
# UTF-8 that was read as Latin-1 or Windows-1252: its first bytes became Ã, Â, Ä, Å, and the
# second ones signs that no letter follows in any language.
_MOJIBAKE = re.compile("�|[ÂÃÄÅ][\u0080-\u00bf‚ƒ„…†‡ˆ‰‹‘’“”•–—˜™›]|â€")
_SPOKEN_PUNCTUATION = frozenset(".,;:!?…-–—'’‘\"“”„‟«»‹›‚‛¿¡·。、！？，：；「」『』・،؛؟۔।॥՝՞՜։׳״־")
# Joiners belong to the spelling of some languages; the sign for a lost letter has its own check.
_ELSEWHERE = frozenset("\u200c\u200d\ufffd")
_SHOWN = 5  # signs of a text that are named


def too_many_tokens(texts: Texts) -> Hits:
    """Texts that are over Whisper's 448 tokens, as it is trained: with its marks before and after.

    Counted with the tokenizer of the multilingual models, a space before the first word, as in
    their training. Spaces and line ends in a row count as one space.
    """
    # A token is a byte or more, so few texts have to be counted at all.
    most = MAX_TOKENS - _TOKENS_AROUND
    long = {name: text for name, text in texts.items() if len(text.encode()) + 1 > most}
    if not long:
        return {}
    counts = _tokens_of_words({word for text in long.values() for word in text.split()})
    totals = {
        name: sum(map(counts.__getitem__, text.split())) + _TOKENS_AROUND
        for name, text in long.items()
    }
    return {name: f"{total} tokens" for name, total in totals.items() if total > MAX_TOKENS}


def _tokens_of_words(distinct: Iterable[str]) -> dict[str, int]:
    """How many tokens each word is, its space before it included; no token spans two words."""
    from whisper.tokenizer import get_tokenizer

    words = list(distinct)
    encoding = get_tokenizer(multilingual=True).encoding
    tokens = encoding.encode_ordinary_batch([f" {word}" for word in words], num_threads=2)
    return dict(zip(words, map(len, tokens), strict=True))


def other_scripts(texts: Texts, language: str) -> tuple[Hits, Hits]:
    """Texts mostly in another script than the language's, and texts with some letters of one."""
    wanted = expected_scripts(language, texts.values())
    strange = [char for char in _alphabet(texts) if script_of(char) not in ("", *wanted)]
    mostly, partly = {}, {}
    for name in _holding(texts, strange):
        counted = letters_by_script(Counter(texts[name]))
        n_strange = sum(count for script, count in counted.items() if script not in wanted)
        found = max(counted.keys() - wanted, key=lambda script: counted[script])
        if 2 * n_strange > counted.total():
            mostly[name] = found.capitalize()
        else:
            partly[name] = f"{found.capitalize()}: {_first(texts[name], set(strange))}"
    return mostly, partly


def signs(texts: Texts) -> Hits:
    """Texts with signs that are not spoken, or that are spoken in more than one way."""
    unspoken = [char for char in _alphabet(texts) if _is_unspoken(char)]
    return {name: _first(texts[name], set(unspoken)) for name in _holding(texts, unspoken)}


def numbers(texts: Texts) -> Hits:
    """Texts with numbers in digits."""
    digits = [char for char in _alphabet(texts) if char.isdecimal()]
    return {
        name: ", ".join(_NUMBER.findall(texts[name])[:_SHOWN]) for name in _holding(texts, digits)
    }


def damaged(texts: Texts) -> Hits:
    """Texts of which letters were lost, because a file was read in a wrong encoding."""
    found = {name: _MOJIBAKE.search(text) for name, text in texts.items() if not text.isascii()}
    return {name: match[0] for name, match in found.items() if match}


def apart(texts: Texts) -> Hits:
    """Texts with letters whose accents are characters of their own."""
    return {
        name: next(
            word for word in text.split() or [text] if not unicodedata.is_normalized("NFC", word)
        )
        for name, text in texts.items()
        if not text.isascii() and not unicodedata.is_normalized("NFC", text)
    }


def _is_unspoken(char: str) -> bool:
    if char in _SPOKEN_PUNCTUATION or char in _ELSEWHERE or char.isspace():
        return False
    return unicodedata.category(char)[0] not in "LMN"


def _alphabet(texts: Texts) -> set[str]:
    """The characters that occur."""
    found: set[str] = set()
    for text in texts.values():
        found.update(text)
    return found


def _holding(texts: Texts, chars: Iterable[str]) -> list[str]:
    """The names of the texts that hold one of the characters."""
    escaped = "".join(map(re.escape, sorted(chars)))
    if not escaped:
        return []
    has: Callable[[str], object] = re.compile(f"[{escaped}]").search
    return [name for name, text in texts.items() if has(text)]


def _first(text: str, chars: set[str]) -> str:
    """The first of the characters that are in the text, each once."""
    return " ".join(list(dict.fromkeys(char for char in text if char in chars))[:_SHOWN])
