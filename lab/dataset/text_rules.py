"""Text made fit for training: what nobody says goes, and each change is counted.

A rule is a switch of `Cleaning`; `RULES` says what it does. What came in stays beside what came
out, so that a page can show both, and take a rule back by cleaning once more without it.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# Blocks of pictures and symbols; what follows them only changes how one of them looks.
_PICTURES = r"\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001fbff\ufe00-\ufe0f\u20e3"
_PICTURE = re.compile(f"[{_PICTURES}]")
_JOINERS = "\u200c\u200d"
# In these scripts a joiner is rubbish from a web page. In others, as in Persian or Sinhala, it is
# part of how a word is spelled.
_SCRIPTS_WITHOUT_JOINERS = ("LATIN", "GREEK", "CYRILLIC")

_DOUBLE_QUOTES, _SINGLE_QUOTES = "“”„‟«»″", "‘’‚‛‹›′´`"
_QUOTE = re.compile(f"[{_DOUBLE_QUOTES}{_SINGLE_QUOTES}]")
# An angle bracket that no letter follows is a sign of arithmetic.
_NOTE_BEGINS = re.compile(r"[\[{]|<(?=/?[^\W\d_])")
_NOTE_ENDS = {"[": "]", "{": "}", "<": ">"}
_BRACKET = re.compile(r"[()\[\]{}]")
_CLOSING = frozenset(",.;:!?…")
# A mark after a single letter or a digit belongs to initials, dates and lists.
_SENTENCE_END = re.compile(
    r"""(?<=[^\W\d_]{2})([.!?…]+["')]*)[^\S\n]+(?=["'(]*([^\W\d_]))|([。！？])(?=\S)"""
)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


@dataclass(frozen=True)
class Cleaning:
    """Which rules are applied; `RULES` says what each of them does."""

    characters: bool = True
    unicode: bool = True
    quotes: bool = True
    notes: bool = True
    brackets: bool = True
    sentences: bool = False
    spaces: bool = True


@dataclass(frozen=True)
class Rule:
    """A rule. about: what it does, a sentence; apply: gives a text and how many places changed."""

    about: str
    apply: Callable[[str], tuple[str, int]]


@dataclass(frozen=True)
class Cleaned:
    """A text before and after.

    counts: changed places for each rule that was on, 0 included; for "unicode" they are words
    n_numbers: numbers in digits, which are left: how they are read aloud, only a person knows
    n_damaged: signs (�) for letters that were lost when the text was read in a wrong encoding
    """

    before: str
    text: str
    counts: Mapping[str, int]
    n_numbers: int
    n_damaged: int


def clean(text: str, cleaning: Cleaning | None = None) -> Cleaned:
    """Apply the rules that are switched on, by default all but one sentence a line.

    Never raises; cleaning what came out once more changes nothing. Letters of all scripts stay,
    such as ë and ç, whether they came as one character or as a letter and an accent.
    """
    cleaning = cleaning or Cleaning()
    counts = {}
    cleaned = text
    for name, rule in RULES.items():
        if getattr(cleaning, name):
            cleaned, counts[name] = rule.apply(cleaned)
    return Cleaned(
        before=text,
        text=cleaned,
        counts=counts,
        n_numbers=len(_NUMBER.findall(cleaned)),
        n_damaged=cleaned.count("\ufffd"),
    )


def _characters(text: str) -> tuple[str, int]:
    seen = "".join(char for char in text if not _is_unwanted(char))
    # Only now, since a joiner is judged by its neighbours.
    padded = f" {seen} "
    kept = "".join(
        char
        for before, char, after in zip(padded, seen, padded[2:], strict=False)
        if char not in _JOINERS or _is_joined(before, after)
    )
    return kept, len(text) - len(kept)


def _is_unwanted(char: str) -> bool:
    if char.isspace() or char in _JOINERS:
        return False
    return unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs") or bool(_PICTURE.match(char))


def _is_joined(before: str, after: str) -> bool:
    """Whether a joiner between these two belongs to a word."""
    return all(
        unicodedata.category(char)[0] in "LM"
        and not unicodedata.name(char, "").startswith(_SCRIPTS_WITHOUT_JOINERS)
        for char in (before, after)
    )


def _unicode(text: str) -> tuple[str, int]:
    n_words = sum(not unicodedata.is_normalized("NFC", word) for word in text.split())
    return unicodedata.normalize("NFC", text), n_words


def _quotes(text: str) -> tuple[str, int]:
    return _QUOTE.subn(lambda found: '"' if found[0] in _DOUBLE_QUOTES else "'", text)


def _notes(text: str) -> tuple[str, int]:
    lines = [_without_notes(line) for line in text.split("\n")]
    return "\n".join(line for line, _ in lines), sum(count for _, count in lines)


def _without_notes(line: str) -> tuple[str, int]:
    """A line, with one space or nothing for notes and the spaces before them; and their number."""
    # Looking for the end of each bracket that has none would take hours for a line of brackets.
    last = {begin: line.rfind(end) for begin, end in _NOTE_ENDS.items()}
    pieces: list[str] = []
    n_notes = position = 0
    for found in _NOTE_BEGINS.finditer(line):
        start = found.start()
        if start < position or start > last[found[0]]:
            continue
        before = line[position:start].rstrip()
        position = line.index(_NOTE_ENDS[found[0]], start) + 1
        space = "" if line[position : position + 1] in _CLOSING else " "
        if before or not pieces:
            pieces += [before, space]
        else:  # a note right after another one
            pieces[-1] = space
        n_notes += 1
    return "".join(pieces) + line[position:], n_notes


def _brackets(text: str) -> tuple[str, int]:
    return _BRACKET.subn(" ", text)


def _sentences(text: str) -> tuple[str, int]:
    n_ends = 0

    def line_end(found: re.Match[str]) -> str:
        nonlocal n_ends
        mark, first_letter, mark_without_space = found.groups()
        if mark_without_space:
            n_ends += 1
            return f"{mark_without_space}\n"
        if first_letter.islower():
            return found[0]
        n_ends += 1
        return f"{mark}\n"

    return _SENTENCE_END.sub(line_end, text), n_ends


def _spaces(text: str) -> tuple[str, int]:
    n_changed = 0

    def one(found: re.Match[str]) -> str:
        nonlocal n_changed
        run = found[0]
        if found.start() == 0 or found.end() == len(text):
            wanted = ""
        else:  # Unicode has ten ways to end a line; `splitlines` knows them all
            wanted = "\n" if len(f"{run}.".splitlines()) > 1 else " "
        n_changed += run != wanted
        return wanted

    return re.sub(r"\s+", one, text), n_changed


# In the order in which they are applied: what is taken out can bring a letter and its accent
# together, and leaves spaces behind.
RULES: Mapping[str, Rule] = {
    "characters": Rule(
        "Takes out what cannot be heard: control and zero-width characters, marks that a file "
        "begins with, emoji.",
        _characters,
    ),
    "unicode": Rule(
        "Writes each letter with its accent as one character (Unicode NFC), so that ë equals ë.",
        _unicode,
    ),
    "quotes": Rule(
        "Makes all quotation marks and apostrophes straight: \" and '.",
        _quotes,
    ),
    "notes": Rule(
        "Takes out notes that nobody said, such as [laughter], {noise} and <unk>.",
        _notes,
    ),
    "brackets": Rule(
        "Takes the brackets away and keeps the words that stand in them.",
        _brackets,
    ),
    "sentences": Rule(
        "Starts a new line after each sentence, for texts that are to be read aloud; look for "
        "abbreviations, which it takes for ends.",
        _sentences,
    ),
    "spaces": Rule(
        "Makes one ordinary space of many, and takes those at the ends of lines and empty lines "
        "away.",
        _spaces,
    ),
}
