"""What was said: words, segments and transcripts, and the files they become."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Word:
    """A word as spoken, with its leading space and its punctuation.

    `probability` is the mean of its tokens' probabilities, 0 to 1. The times are seconds in the
    recording, `None` where word times were not asked for.
    """

    text: str
    probability: float
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True)
class Segment:
    """A stretch of speech with its text; the fields are openai-whisper's, with units.

    `avg_logprob` is the mean log probability of the tokens of the window the segment was decoded
    in, `compression_ratio` that of the window's text (above 2.4 it repeats itself), and
    `window_start_s` is where the window begins (openai's `seek`).
    """

    start_s: float
    end_s: float
    text: str
    tokens: tuple[int, ...] = ()
    temperature: float = 0.0
    avg_logprob: float = 0.0
    compression_ratio: float = 0.0
    no_speech_prob: float = 0.0
    window_start_s: float = 0.0
    words: tuple[Word, ...] = ()

    @property
    def confidence(self) -> float:
        """Mean probability of the words, 0 to 1; the window's mean token probability without."""
        if self.words:
            return sum(word.probability for word in self.words) / len(self.words)
        return math.exp(min(self.avg_logprob, 0.0))

    def unsure_words(self, below: float = 0.5) -> list[str]:
        """The words that the model gave less than probability `below`."""
        return [word.text.strip() for word in self.words if word.probability < below]


@dataclass(frozen=True)
class Transcript:
    """All segments of one recording, in order of time, and how they came about."""

    segments: tuple[Segment, ...]
    language: str
    language_probabilities: Mapping[str, float] = field(default_factory=dict)
    duration_s: float = 0.0
    model: str = ""
    task: str = "transcribe"

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments).strip()
