"""Cleaning texts for training: removes what is not spoken, and counts the changes of each rule.

`CleaningOptions` switches rules on and off; `RULES` describes them. Nothing is written: pages show
the texts before and after, and the person decides.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from lab.core.progress import Progress, ignore
from lab.dataset.table import DatasetClip

# Blocks of pictographs and symbols, then variation selectors and the enclosing keycap.
_PICTURES = r"\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001fbff\ufe00-\ufe0f\u20e3"
_PICTURE = re.compile(f"[{_PICTURES}]")
_INVISIBLE = ("Cc", "Cf", "Co", "Cs")  # control, format, private use, surrogates
_JOINERS = "\u200c\u200d"
# In these scripts a joiner is debris from a web page. In others, such as those of Persian and
# Sinhala, it is part of the spelling.
_SCRIPTS_WITHOUT_JOINERS = ("LATIN", "GREEK", "CYRILLIC")

_DOUBLE_QUOTES, _SINGLE_QUOTES = "“”„‟«»″", "‘’‚‛‹›′´`"
_QUOTE = re.compile(f"[{_DOUBLE_QUOTES}{_SINGLE_QUOTES}]")
# An angle bracket that is not followed by a letter is an arithmetic operator.
_NOTE_BEGINS = re.compile(r"[\[{]|<(?=/?[^\W\d_])")
_NOTE_ENDS = {"[": "]", "{": "}", "<": ">"}
_BRACKET = re.compile(r"[()\[\]{}]")
_CLOSING = frozenset(",.;:!?…")
# A full stop after a single letter or a digit belongs to initials, dates and lists.
_SENTENCE_END = re.compile(
    r"""(?<=[^\W\d_]{2})([.!?…]+["')]*)[^\S\n]+(?=["'(]*([^\W\d_]))|([。！？])(?=\S)"""
)
_WHITESPACE = re.compile(r"\s+")
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")

_PROGRESS_EVERY = 500  # texts of some 50 µs each


@dataclass(frozen=True)
class CleaningOptions:
    """Which rules are applied; `RULES` describes them."""

    characters: bool = True
    unicode: bool = True
    quotes: bool = True
    notes: bool = True
    brackets: bool = True
    sentences: bool = False
    spaces: bool = True


@dataclass(frozen=True)
class CleaningRule:
    """A rule. about: a sentence for people; apply: returns the text and the number of changes"""

    about: str
    apply: Callable[[str], tuple[str, int]]


@dataclass(frozen=True)
class CleanedText:
    """A text before and after cleaning.

    counts: number of changes by applied rule, including 0; for "unicode", of words
    n_numbers: numbers in digits, which are kept: only a listener knows how they are read aloud
    n_damaged: replacement characters (�) for letters lost to a wrong encoding
    """

    before: str
    text: str
    counts: Mapping[str, int]
    n_numbers: int
    n_damaged: int


@dataclass(frozen=True)
class CleanedClip:
    """A clip whose text cleaning would change."""

    clip: DatasetClip
    cleaned: CleanedText

    @property
    def edit(self) -> tuple[DatasetClip, DatasetClip]:
        """The clip before and after, for `Dataset.change`."""
        return self.clip, replace(self.clip, transcription=self.cleaned.text)


@dataclass(frozen=True)
class CleaningResult:
    """A preview of cleaning a dataset.

    n_texts: number of clips with a text
    changed: clips whose text would change, in the order of the table
    counts, clip_counts: number of changes, and of clips changed, by applied rule
    numbers, damaged: clips with numbers in digits, and with replacement characters (�)
    emptied: clips that would be left without a text
    """

    n_texts: int
    changed: tuple[CleanedClip, ...]
    counts: Mapping[str, int]
    clip_counts: Mapping[str, int]
    numbers: tuple[DatasetClip, ...]
    damaged: tuple[DatasetClip, ...]
    emptied: tuple[DatasetClip, ...]


def clean_text(text: str, options: CleaningOptions | None = None) -> CleanedText:
    """Apply the rules that are switched on, by default all but one sentence per line.

    Cleaning a cleaned text changes nothing. Letters of all scripts are kept, such as ë and ç,
    whether composed or decomposed.
    """
    options = options or CleaningOptions()
    counts = {}
    cleaned = text
    for name, rule in RULES.items():
        if getattr(options, name):
            cleaned, counts[name] = rule.apply(cleaned)
    n_numbers, n_damaged = len(NUMBER.findall(cleaned)), cleaned.count("\ufffd")
    return CleanedText(text, cleaned, counts, n_numbers, n_damaged)


def clean_texts(
    clips: Iterable[DatasetClip],
    options: CleaningOptions | None = None,
    *,
    on_progress: Progress = ignore,
) -> CleaningResult:
    """Clean the texts of all clips, excluded ones too, without writing them."""
    with_text = [clip for clip in clips if clip.transcription]
    counts: Counter[str] = Counter()
    clip_counts: Counter[str] = Counter()
    noted = []
    for n_done, clip in enumerate(with_text):
        if n_done % _PROGRESS_EVERY == 0:
            on_progress(n_done, len(with_text), "Cleaning the texts")
        cleaned = clean_text(clip.transcription, options)
        counts.update(cleaned.counts)
        clip_counts.update(rule for rule, count in cleaned.counts.items() if count)
        if cleaned.text != cleaned.before or cleaned.n_numbers or cleaned.n_damaged:
            noted.append(CleanedClip(clip, cleaned))
    changed = tuple(one for one in noted if one.cleaned.text != one.cleaned.before)
    return CleaningResult(
        len(with_text),
        changed,
        counts,
        clip_counts,
        numbers=tuple(one.clip for one in noted if one.cleaned.n_numbers),
        damaged=tuple(one.clip for one in noted if one.cleaned.n_damaged),
        emptied=tuple(one.clip for one in changed if not one.cleaned.text),
    )


def _characters(text: str) -> tuple[str, int]:
    visible = "".join(
        char
        for char in text
        if char.isspace()
        or char in _JOINERS
        or not (unicodedata.category(char) in _INVISIBLE or _PICTURE.match(char))
    )
    # Joiners come second, since they are judged by their neighbours.
    padded = f" {visible} "
    kept = "".join(
        char
        for before, char, after in zip(padded, visible, padded[2:], strict=False)
        if char not in _JOINERS or _is_joined(before, after)
    )
    return kept, len(text) - len(kept)


def _is_joined(before: str, after: str) -> bool:
    """Whether a joiner between these characters is part of a word."""
    return all(
        unicodedata.category(char)[0] in "LM"
        and not unicodedata.name(char, "").startswith(_SCRIPTS_WITHOUT_JOINERS)
        for char in (before, after)
    )


def _unicode(text: str) -> tuple[str, int]:
    n_words = sum(not unicodedata.is_normalized("NFC", word) for word in text.split())
    return unicodedata.normalize("NFC", text), n_words


def _quotes(text: str) -> tuple[str, int]:
    return _QUOTE.subn(lambda match: '"' if match[0] in _DOUBLE_QUOTES else "'", text)


def _notes(text: str) -> tuple[str, int]:
    lines = [_without_notes(line) for line in text.split("\n")]
    return "\n".join(line for line, _ in lines), sum(count for _, count in lines)


def _without_notes(line: str) -> tuple[str, int]:
    """Replace notes and the spaces before them by a space or nothing; counts the notes."""
    # Searching the end of each unclosed bracket would take hours for a line of brackets.
    last = {begin: line.rfind(end) for begin, end in _NOTE_ENDS.items()}
    pieces: list[str] = []
    n_notes = position = 0
    for match in _NOTE_BEGINS.finditer(line):
        start = match.start()
        if start < position or start > last[match[0]]:
            continue
        before = line[position:start].rstrip()
        position = line.index(_NOTE_ENDS[match[0]], start) + 1
        space = "" if line[position : position + 1] in _CLOSING else " "
        if before or not pieces:
            pieces += [before, space]
        else:  # directly after another note
            pieces[-1] = space
        n_notes += 1
    return "".join(pieces) + line[position:], n_notes


def _sentences(text: str) -> tuple[str, int]:
    def line_end(match: re.Match[str]) -> str:
        mark, first_letter, mark_without_space = match.groups()
        if first_letter and first_letter.islower():
            return match[0]
        return f"{mark or mark_without_space}\n"

    return _counted(_SENTENCE_END, line_end, text)


def _counted(
    pattern: re.Pattern[str], replacement: Callable[[re.Match[str]], str], text: str
) -> tuple[str, int]:
    """Replace matches in a text, and count those that differ from what replaces them."""
    n_changed = 0

    def counted(match: re.Match[str]) -> str:
        nonlocal n_changed
        new = replacement(match)
        n_changed += new != match[0]
        return new

    return pattern.sub(counted, text), n_changed


def _spaces(text: str) -> tuple[str, int]:
    def replacement(match: re.Match[str]) -> str:
        if match.start() == 0 or match.end() == len(text):
            return ""
        # Unicode has ten line breaks, all of which `splitlines` knows.
        return "\n" if len(f"{match[0]}.".splitlines()) > 1 else " "

    return _counted(_WHITESPACE, replacement, text)


# In the order in which they are applied: removing characters can bring a letter and its accent
# together, and leaves spaces behind.
RULES: Mapping[str, CleaningRule] = {
    "characters": CleaningRule(
        "Removes what cannot be heard: control and zero-width characters, byte order marks, emoji.",
        _characters,
    ),
    "unicode": CleaningRule(
        "Composes letters with their accents (Unicode NFC), so that each ë is the same character.",
        _unicode,
    ),
    "quotes": CleaningRule(
        "Replaces curly quotation marks and apostrophes by straight ones: \" and '.", _quotes
    ),
    "notes": CleaningRule(
        "Removes notes that are not spoken, such as [laughter], {noise} and <unk>.", _notes
    ),
    "brackets": CleaningRule(
        "Removes brackets and keeps the words inside them.", partial(_BRACKET.subn, " ")
    ),
    "sentences": CleaningRule(
        "Starts a new line after each sentence, for texts to be read aloud. Check abbreviations, "
        "whose full stops look like the end of a sentence.",
        _sentences,
    ),
    "spaces": CleaningRule(
        "Replaces runs of whitespace by a single space or line break, and trims both ends.",
        _spaces,
    ),
}
