"""The options of a transcription, and what is known about it besides its segments."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lab.core.errors import OptionsError

Task = Literal["transcribe", "translate"]


@dataclass(frozen=True)
class TranscribeOptions:
    """How to transcribe; the thresholds are those of openai-whisper's `transcribe`.

    language: a code such as "sq", or None to detect it
    task: "transcribe", or "translate" to English
    prompt: text that could precede the recording, with names, spelling and style as expected
    word_timestamps: whether to compute the start and end of each word
    beam_size: number of hypotheses, 1 to 20; 1 is greedy search
    temperatures: the first is used; the next ones as a fallback where a check below fails
    compression_ratio_threshold: a text with a higher compression ratio is repetitive
    logprob_threshold: a text with a lower mean log probability is unreliable
    no_speech_threshold: above this probability an unreliable text is dropped as silence
    speech_threshold: probability, 0 to 1, above which audio counts as speech
    batch_size: windows of 30 s decoded at once; None chooses for the device
    max_tokens: maximum length of the text of a window; None is Whisper's 224

    Raises OptionsError naming every invalid option.

    Examples
    --------
    >>> options = TranscribeOptions(language="sq", beam_size=5)
    >>> options.temperatures[0], options.word_timestamps
    (0.0, False)
    """

    language: str | None = None
    task: Task = "transcribe"
    prompt: str = ""
    word_timestamps: bool = False
    beam_size: int = 1
    temperatures: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    compression_ratio_threshold: float = 2.4
    logprob_threshold: float = -1.0
    no_speech_threshold: float = 0.6
    speech_threshold: float = 0.5
    batch_size: int | None = None
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.task not in ("transcribe", "translate"):
            problems.append(f'task is "{self.task}", expected "transcribe" or "translate"')
        if not 1 <= self.beam_size <= 20:
            problems.append(f"beam_size is {self.beam_size}, expected 1 to 20")
        if not self.temperatures or not all(0 <= t <= 1 for t in self.temperatures):
            problems.append(f"temperatures are {self.temperatures}, expected values from 0 to 1")
        if not 0 < self.speech_threshold < 1:
            problems.append(
                f"speech_threshold is {self.speech_threshold}, expected above 0, below 1"
            )
        if self.batch_size is not None and self.batch_size < 1:
            problems.append(f"batch_size is {self.batch_size}, expected 1 or more")
        if self.max_tokens is not None and self.max_tokens < 1:
            problems.append(f"max_tokens is {self.max_tokens}, expected 1 or more")
        if problems:
            raise OptionsError("Invalid transcription options: " + "; ".join(problems) + ".")


@dataclass(frozen=True)
class LanguageDetection:
    """The detected language and the probability of every language, in descending order."""

    language: str
    probabilities: Mapping[str, float]

    @property
    def probability(self) -> float:
        return self.probabilities.get(self.language, 0.0)


@dataclass(frozen=True)
class TranscriptionInfo:
    """What is known before the first segment.

    language_probabilities: empty where the language was given
    has_speech: false if the recording contains no speech, and hence no segments
    """

    language: str
    language_probabilities: Mapping[str, float] = field(default_factory=dict)
    duration_s: float = 0.0
    has_speech: bool = True
