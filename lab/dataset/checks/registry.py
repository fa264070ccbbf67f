"""The checks of a dataset, described for people, and what a check reports."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["serious", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("serious", "warning", "note")

Fix = Literal["exclude", "keep_one", "clean", "correct", "split"]
# Each fix, described for people. Nothing is ever deleted.
FIXES: Mapping[Fix, str] = {
    "exclude": "Exclude them",
    "keep_one": "Keep one of each",
    "clean": "Clean the texts",
    "correct": "Correct them",
    "split": "Split again",
}

MAX_TOKENS = 448  # the context of Whisper's decoder
MIN_CLIP_S = 1.0


@dataclass(frozen=True)
class DatasetCheck:
    """A description of a check.

    title: names what it finds
    passed: the sentence shown if it finds nothing
    why: a sentence on why it matters for Whisper
    fixes: what can be done, best first; empty if that takes a person's judgement
    needs_audio_stats: whether it only covers clips whose audio has been analysed
    """

    title: str
    passed: str
    why: str
    severity: Severity
    fixes: tuple[Fix, ...] = ()
    needs_audio_stats: bool = False


@dataclass(frozen=True)
class Finding:
    """The clips that a check reports.

    key: of `CHECKS`
    clips: file names
    values: what was found in each clip, a few words such as "31.2 s"
    groups: file names that belong together, for duplicates and leaks; else empty
    """

    key: str
    clips: tuple[str, ...]
    values: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...] = ()

    @property
    def check(self) -> DatasetCheck:
        return CHECKS[self.key]


CHECKS: Mapping[str, DatasetCheck] = {
    "missing": DatasetCheck(
        "Audio file is missing",
        "The audio file of each clip exists",
        "The table lists them, but their files are gone: training would stop at the first one.",
        "serious",
        ("exclude",),
    ),
    "unreadable": DatasetCheck(
        "Audio cannot be decoded",
        "All audio can be decoded",
        "The file is damaged or truncated, so the text contains more than the audio.",
        "serious",
        ("exclude",),
        needs_audio_stats=True,
    ),
    "long": DatasetCheck(
        "Longer than 30 s",
        "No clip is longer than 30 s",
        "Whisper hears only 30 s at once but would be trained on the whole text: it learns to "
        "hallucinate text. Split the recordings on the **Prepare** page.",
        "serious",
        ("exclude",),
    ),
    "tokens": DatasetCheck(
        "Text over 448 tokens",
        "No text is over 448 tokens",
        "Whisper's decoder has a 448-token context, five of which are special tokens. A longer "
        "text is truncated, and the model learns to stop in the middle. Split the clip in two.",
        "serious",
        ("exclude",),
    ),
    "damaged": DatasetCheck(
        "Wrong text encoding",
        "No text has encoding errors",
        "Characters such as � or Ã« stand in place of letters; the model would learn to write "
        "them. Import the corpus again with the right encoding, or correct the texts.",
        "serious",
        ("correct", "exclude"),
    ),
    "script": DatasetCheck(
        "Text in another script",
        "Each text is in the script of its language",
        "Most letters are from a script that this language is not written in. The text probably "
        "belongs to another language or another clip.",
        "serious",
        ("correct", "exclude"),
    ),
    "leak_audio": DatasetCheck(
        "The same audio in two splits",
        "No audio is in two splits",
        "The model is tested on audio it was trained on, so its score looks better than it is.",
        "serious",
        ("keep_one", "split"),
    ),
    "leak_sentence": DatasetCheck(
        "The same sentence in two splits",
        "No sentence is in two splits",
        "The model may know the sentence from training, so its score looks better than it is.",
        "serious",
        ("split",),
    ),
    "leak_speaker": DatasetCheck(
        "The same speaker in two splits",
        "No speaker is in two splits",
        "The model should understand speakers it has never heard, and this score does not measure "
        "that. If there is only one speaker, say so when you report the score.",
        "warning",
        ("split",),
    ),
    "fast": DatasetCheck(
        "Too much text for the audio",
        "No text is too long for its audio",
        "Nobody speaks that fast: the audio is truncated, or the text belongs to another clip. "
        "Training on it teaches Whisper to insert words.",
        "serious",
        ("correct", "exclude"),
    ),
    "slow": DatasetCheck(
        "Too little text for the audio",
        "No text is too short for its audio",
        "Part of what is said may be missing from the text, which teaches Whisper to drop words.",
        "warning",
        ("correct", "exclude"),
    ),
    "empty": DatasetCheck(
        "No text",
        "Each clip has a text",
        "They cannot be used for training until they are transcribed.",
        "warning",
        ("correct",),
    ),
    "letters": DatasetCheck(
        "Letters from another script",
        "No text mixes scripts",
        "A letter such as the Cyrillic а looks like the Latin a but is a different token to "
        "Whisper. Foreign names are best spelled in the language's own script.",
        "warning",
        ("correct",),
    ),
    "symbols": DatasetCheck(
        "Symbols that are not spoken",
        "The texts contain only what is spoken",
        "Notes in brackets, emoji and symbols such as # or _ cannot be heard, so the model has to "
        "guess where they belong. Symbols that are read aloud, such as %, are best written as "
        "words.",
        "warning",
        ("clean", "correct"),
    ),
    "unicode": DatasetCheck(
        "Decomposed Unicode characters",
        "Each letter is one character",
        "A letter and its accent are two characters, so the same word has two spellings that look "
        "identical, and Whisper has to learn both.",
        "warning",
        ("clean",),
    ),
    "short": DatasetCheck(
        "Shorter than 1 s",
        "No clip is shorter than 1 s",
        "They contain barely a word, and near-silence makes Whisper hallucinate.",
        "warning",
        ("exclude",),
    ),
    "clipping": DatasetCheck(
        "Clipping",
        "No clip is distorted by clipping",
        "The waveform is clipped at full scale again and again, because it was recorded too loud. "
        "A few such clips do no harm; many bias the model towards distorted audio.",
        "warning",
        ("exclude",),
        needs_audio_stats=True,
    ),
    "noise": DatasetCheck(
        "Noisy",
        "No clip is too noisy",
        "The signal-to-noise ratio is below about 10 dB. Some noise makes a model robust; here it "
        "masks words, and the model learns to guess them.",
        "warning",
        ("exclude",),
        needs_audio_stats=True,
    ),
    "silence": DatasetCheck(
        "Mostly silent",
        "No clip is mostly silent",
        "More than half of the clip is silence, where Whisper is known to hallucinate. Trim the "
        "clips on the **Prepare** page.",
        "warning",
        ("exclude",),
        needs_audio_stats=True,
    ),
    "duplicate_audio": DatasetCheck(
        "Duplicate audio",
        "No audio occurs twice",
        "Duplicates count twice in training. If their texts differ, one of them is wrong.",
        "warning",
        ("keep_one", "correct"),
    ),
    "numbers": DatasetCheck(
        "Numbers in digits",
        "No text has digits",
        "Only listening tells how a number is read aloud. Written as words, it teaches the model "
        "more.",
        "note",
        ("correct",),
    ),
    "repeated_sentence": DatasetCheck(
        "Frequently repeated sentences",
        "No sentence is repeated frequently",
        "Different voices saying the same sentence are welcome, but a sentence that makes up much "
        "of the training data leads to overfitting.",
        "note",
    ),
    "unknown_duration": DatasetCheck(
        "Unknown duration",
        "The duration of each clip is known",
        "Their files do not state it. Analyse the audio, and it is known.",
        "note",
    ),
}
