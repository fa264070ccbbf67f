"""Checks of texts: scripts, symbols, digits, encoding, and the number of tokens.

Each takes texts by file name, and returns what it found in those that fail, by file name. To be
fast, regular expressions of the characters that occur select the texts to look at in detail.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from lab.dataset.checks.registry import MAX_TOKENS
from lab.dataset.checks.scripts import expected_scripts, letters_by_script, script_of
from lab.dataset.text_cleaning import NUMBER

Texts = Mapping[str, str]
Hits = dict[str, str]

# Start of transcript, language, task, no timestamps; end of text.
_N_SPECIAL_TOKENS = 5
# UTF-8 decoded as Latin-1 or Windows-1252: first bytes turn into Ã, Â, Ä, Å, and second bytes into
# characters that follow a letter in no language.
_MOJIBAKE = re.compile("�|[ÂÃÄÅ][\u0080-\u00bf‚ƒ„…†‡ˆ‰‹‘’“”•–—˜™›]|â€")
_SPOKEN_PUNCTUATION = frozenset(".,;:!?…-–—'’‘\"“”„‟«»‹›‚‛¿¡·。、！？，：；「」『』・،؛؟۔।॥՝՞՜։׳״־")
# Joiners are part of the spelling of some languages; the replacement character has its own check.
_IGNORED = frozenset("\u200c\u200d\ufffd")
_MAX_SHOWN = 5  # characters named per text


def too_many_tokens(texts: Texts) -> Hits:
    """Texts that exceed Whisper's 448-token context, including special tokens.

    Counts tokens of the multilingual tokenizer, with a space before the first word as in Whisper's
    training. Whitespace counts as one space.
    """
    # A token has at least one byte, so only few texts have to be tokenized.
    max_bytes = MAX_TOKENS - _N_SPECIAL_TOKENS
    long = {name: text for name, text in texts.items() if len(text.encode()) + 1 > max_bytes}
    if not long:
        return {}
    counts = _tokens_per_word({word for text in long.values() for word in text.split()})
    totals = {
        name: sum(map(counts.__getitem__, text.split())) + _N_SPECIAL_TOKENS
        for name, text in long.items()
    }
    return {name: f"{total} tokens" for name, total in totals.items() if total > MAX_TOKENS}


def _tokens_per_word(words: Iterable[str]) -> dict[str, int]:
    """Number of tokens of each word with its leading space; no token spans two words."""
    from whisper.tokenizer import get_tokenizer

    distinct = list(words)
    encoding = get_tokenizer(multilingual=True).encoding
    tokens = encoding.encode_ordinary_batch([f" {word}" for word in distinct], num_threads=2)
    return dict(zip(distinct, map(len, tokens), strict=True))


def other_scripts(texts: Texts, language: str) -> tuple[Hits, Hits]:
    """Texts mostly in a script foreign to the language, and texts with some such letters."""
    wanted = expected_scripts(language, texts.values())
    foreign = [char for char in _alphabet(texts) if script_of(char) not in ("", *wanted)]
    mostly, partly = {}, {}
    for name in _containing(texts, foreign):
        counts = letters_by_script(Counter(texts[name]))
        n_foreign = sum(count for script, count in counts.items() if script not in wanted)
        script = max(counts.keys() - wanted, key=lambda script: counts[script])
        if 2 * n_foreign > counts.total():
            mostly[name] = script.capitalize()
        else:
            partly[name] = f"{script.capitalize()}: {_first(texts[name], set(foreign))}"
    return mostly, partly


def unspoken_symbols(texts: Texts) -> Hits:
    """Texts with symbols that are not spoken, or can be read aloud in several ways."""
    symbols = [char for char in _alphabet(texts) if _is_unspoken(char)]
    return {name: _first(texts[name], set(symbols)) for name in _containing(texts, symbols)}


def numbers(texts: Texts) -> Hits:
    """Texts with numbers in digits."""
    digits = [char for char in _alphabet(texts) if char.isdecimal()]
    return {
        name: ", ".join(NUMBER.findall(texts[name])[:_MAX_SHOWN])
        for name in _containing(texts, digits)
    }


def wrongly_decoded(texts: Texts) -> Hits:
    """Texts that were decoded with a wrong encoding."""
    matches = {name: _MOJIBAKE.search(text) for name, text in texts.items() if not text.isascii()}
    return {name: match[0] for name, match in matches.items() if match}


def decomposed(texts: Texts) -> Hits:
    """Texts with letters whose accents are separate characters."""
    return {
        name: next(
            word for word in text.split() or [text] if not unicodedata.is_normalized("NFC", word)
        )
        for name, text in texts.items()
        if not text.isascii() and not unicodedata.is_normalized("NFC", text)
    }


def _is_unspoken(char: str) -> bool:
    if char in _SPOKEN_PUNCTUATION or char in _IGNORED or char.isspace():
        return False
    return unicodedata.category(char)[0] not in "LMN"


def _alphabet(texts: Texts) -> set[str]:
    """The characters that occur in the texts."""
    return set().union(*texts.values())


def _containing(texts: Texts, chars: Iterable[str]) -> list[str]:
    """The names of texts that contain one of the characters."""
    escaped = "".join(map(re.escape, sorted(chars)))
    if not escaped:
        return []
    search: Callable[[str], object] = re.compile(f"[{escaped}]").search
    return [name for name, text in texts.items() if search(text)]


def _first(text: str, chars: set[str]) -> str:
    """The first few of the given characters in a text, each once."""
    return " ".join(list(dict.fromkeys(char for char in text if char in chars))[:_MAX_SHOWN])
