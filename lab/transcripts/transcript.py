"""Transcripts with their segments and words."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Word:
    """A word with its leading space and its punctuation.

    probability: mean probability of its tokens, 0 to 1
    start_s, end_s: seconds from the start of the recording; None without word timestamps
    """

    text: str
    probability: float
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True)
class Segment:
    """A segment of speech; the fields are those of openai-whisper, with units.

    start_s, end_s: seconds from the start of the recording
    tokens: token ids of the text
    temperature: at which the window was decoded, 0 for greedy or beam search
    avg_logprob: mean log probability of the tokens of the window
    compression_ratio: of the window's text; above 2.4 it is likely to repeat itself
    no_speech_prob: probability that the window has no speech, 0 to 1
    window_start_s: start of the 30 s window that the segment was decoded in (openai's `seek`)
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
        """Mean probability of the words, 0 to 1; without words, that of the window's tokens."""
        if self.words:
            return sum(word.probability for word in self.words) / len(self.words)
        return math.exp(min(self.avg_logprob, 0.0))

    def low_confidence_words(self, below: float = 0.5) -> list[str]:
        """The words with a probability less than `below`."""
        return [word.text.strip() for word in self.words if word.probability < below]


@dataclass(frozen=True)
class Transcript:
    """The transcript of a recording.

    Attributes
    ----------
    segments
        In order of time.
    language, language_probabilities
        Whisper's code, and probabilities by code if the language was detected.
    duration_s
        Length of the recording.
    model
        Name of the model.
    task
        "transcribe" or "translate".

    Examples
    --------
    >>> transcript = Transcript((Segment(0.0, 1.5, " Mirë se erdhe."),), "sq")
    >>> transcript.text
    'Mirë se erdhe.'
    """

    segments: tuple[Segment, ...]
    language: str
    language_probabilities: Mapping[str, float] = field(default_factory=dict)
    duration_s: float = 0.0
    model: str = ""
    task: str = "transcribe"

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments).strip()
