"""The checks that there are, in words, and what a check has found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["serious", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("serious", "warning", "note")

Fix = Literal["exclude", "keep_one", "clean", "correct", "split"]
# What each mend does, for people. Nothing is ever deleted.
FIXES: Mapping[Fix, str] = {
    "exclude": "Leave them out",
    "keep_one": "Keep one of each",
    "clean": "Clean the texts",
    "correct": "Correct them by ear",
    "split": "Split anew",
}

# Whisper's own borders: the encoder hears 30 s, the decoder has 448 positions.
MAX_S = 30.0
MAX_TOKENS = 448
MIN_S = 1.0


@dataclass(frozen=True)
class Check:
    """A check in words.

    title: of what it finds
    fine: what is said where it finds nothing
    why: a sentence on why it matters for Whisper
    fixes: what can be done, the best one first; none where a person has to find out
    needs_sound: whether it can only be made of clips that were listened to
    """

    title: str
    fine: str
    why: str
    severity: Severity
    fixes: tuple[Fix, ...] = ()
    needs_sound: bool = False


@dataclass(frozen=True)
class Finding:
    """What a check has found.

    key: of `CHECKS`
    clips: file names
    values: for each of the clips what was found, a few words such as "31.2 s"
    groups: file names that belong together, for doubles and leaks; none for the other checks
    """

    key: str
    clips: tuple[str, ...]
    values: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...] = ()

    @property
    def check(self) -> Check:
        return CHECKS[self.key]

    @property
    def title(self) -> str:
        return self.check.title

    @property
    def why(self) -> str:
        return self.check.why

    @property
    def severity(self) -> Severity:
        return self.check.severity

    @property
    def fixes(self) -> tuple[Fix, ...]:
        return self.check.fixes

    @property
    def n(self) -> int:
        """How many clips it is about."""
        return len(self.clips)


CHECKS: Mapping[str, Check] = {
    "missing": Check(
        "Sound is missing",
        "The sound of each clip is there",
        "The table names them, but their files are gone: training would stop at the first one.",
        "serious",
        ("exclude",),
    ),
    "unreadable": Check(
        "Sound cannot be read",
        "All sound can be read",
        "The file is damaged or breaks off, so the text says more than can be heard.",
        "serious",
        ("exclude",),
        needs_sound=True,
    ),
    "long": Check(
        "Longer than 30 s",
        "No clip is longer than 30 s",
        "Whisper hears 30 s and no more, but it would be asked for the whole text: it learns to "
        "write what it cannot hear. Cut them on the page Prepare.",
        "serious",
        ("exclude",),
    ),
    "tokens": Check(
        "Text over 448 tokens",
        "No text is over 448 tokens",
        "Whisper's decoder has 448 places, five of them for marks of its own. A longer text is "
        "cut, and the model learns to stop in the middle. Cut the clip in two.",
        "serious",
        ("exclude",),
    ),
    "damaged": Check(
        "Letters lost to a wrong encoding",
        "No letters were lost",
        "Signs such as � or Ã« stand where letters were; the model would learn to write them. "
        "Import the corpus again in the right encoding, or correct the texts.",
        "serious",
        ("correct", "exclude"),
    ),
    "script": Check(
        "Text in another script",
        "Each text is in the script of its language",
        "Most letters are of a script that this language is not written in: it is probably the "
        "text of another language, or of another clip.",
        "serious",
        ("correct", "exclude"),
    ),
    "leak_sound": Check(
        "The same sound in two splits",
        "No sound is in two splits",
        "The model is tested with what it has learned by heart, so its score looks better than "
        "it is.",
        "serious",
        ("keep_one", "split"),
    ),
    "leak_sentence": Check(
        "The same sentence in two splits",
        "No sentence is in two splits",
        "The model can know the sentence from training, so its score looks better than it is.",
        "serious",
        ("split",),
    ),
    "leak_speaker": Check(
        "The same speaker in two splits",
        "No speaker is in two splits",
        "The model is to understand people whom it has never heard, and that is not what is "
        "measured here. Where there is one speaker only, say so beside the score.",
        "warning",
        ("split",),
    ),
    "fast": Check(
        "Too much text for the sound",
        "No text is too long for its sound",
        "Nobody speaks that fast: the sound is cut off, or the text belongs to another clip. "
        "Whisper learns from them to make words up.",
        "serious",
        ("correct", "exclude"),
    ),
    "slow": Check(
        "Too little text for the sound",
        "No text is too short for its sound",
        "Part of what is said may be missing in the text, and Whisper learns to leave words out.",
        "warning",
        ("correct", "exclude"),
    ),
    "empty": Check(
        "No text",
        "Each clip has a text",
        "Nothing can be learned from them until somebody writes down what is said.",
        "warning",
        ("correct",),
    ),
    "letters": Check(
        "Letters of another script inside of a text",
        "No text mixes scripts",
        "A letter such as the Cyrillic а looks like the Latin a, but is another one to Whisper; "
        "foreign names are better written as the language writes them.",
        "warning",
        ("correct",),
    ),
    "symbols": Check(
        "Signs that nobody says",
        "The texts hold only what is spoken",
        "Notes in brackets, emoji and signs such as # or _ cannot be heard, so the model guesses "
        "where they belong. Signs that are read aloud, such as %, are better written as words.",
        "warning",
        ("clean", "correct"),
    ),
    "unicode": Check(
        "Letters and accents apart",
        "Each letter is one character",
        "The same word is spelled in two ways that look alike, and Whisper has to learn both.",
        "warning",
        ("clean",),
    ),
    "short": Check(
        "Shorter than 1 s",
        "No clip is shorter than 1 s",
        "There is hardly a word in them, and Whisper makes up words for what is nearly silence.",
        "warning",
        ("exclude",),
    ),
    "clipping": Check(
        "Distorted",
        "No clip is distorted",
        "The wave is cut off at full scale again and again, because it was recorded too loud. A "
        "few such clips do no harm, many teach the model a sound that speech does not have.",
        "warning",
        ("exclude",),
        needs_sound=True,
    ),
    "noise": Check(
        "Noisy",
        "No clip is drowned in noise",
        "Less than about 10 dB lie between voice and noise. Some noise makes a model robust; here "
        "words drown, and the model learns to guess them.",
        "warning",
        ("exclude",),
        needs_sound=True,
    ),
    "silence": Check(
        "Mostly silent",
        "No clip is mostly silent",
        "More than half of the clip is silence. Whisper is known to make up words there; trim "
        "the clips on the page Prepare.",
        "warning",
        ("exclude",),
        needs_sound=True,
    ),
    "double_sound": Check(
        "The same sound twice",
        "Each sound is there once",
        "What is there twice counts twice in training. With two different texts, one is wrong.",
        "warning",
        ("keep_one", "correct"),
    ),
    "numbers": Check(
        "Numbers in digits",
        "No text has digits",
        "Only somebody who listens knows how a number is read aloud; written in words, it teaches "
        "the model more.",
        "note",
        ("correct",),
    ),
    "double_sentence": Check(
        "The same sentence many times",
        "No sentence is there many times",
        "Different voices saying the same are welcome, but a sentence that fills much of the "
        "training is learned by heart.",
        "note",
    ),
    "length_unknown": Check(
        "Length unknown",
        "The length of each clip is known",
        "Their files do not say how long they are. Listen to all clips below, and it is known.",
        "note",
    ),
}
