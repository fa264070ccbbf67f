"""What a person can ask of a transcription, and what comes with the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lab.core.errors import OptionsError

Task = Literal["transcribe", "translate"]


@dataclass(frozen=True)
class TranscribeOptions:
    """How to transcribe; the thresholds are those of openai-whisper's `transcribe`.

    language: a code such as "sq", or None to detect it
    task: "translate" writes English, whatever is spoken
    prompt: text that could stand before the recording: names, spelling, style
    word_timestamps: find out when each word was said
    beam_size: hypotheses kept side by side; 1 is greedy search
    temperatures: the first is used; the next ones when a window fails a check below
    compression_ratio_threshold: a text that compresses better than this repeats itself
    logprob_threshold: a text with a lower mean log probability is a guess
    no_speech_threshold: above it, a guess is taken for silence and dropped
    speech_threshold: probability, 0 to 1, from which sound counts as speech
    batch_size: windows of 30 s decoded together; None chooses for the device
    max_tokens: of the text of a window, which is cut off there; None is Whisper's 224
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
            problems.append(f'the task is "{self.task}", not "transcribe" or "translate"')
        if not 1 <= self.beam_size <= 20:
            problems.append(f"the beam size is {self.beam_size}, not between 1 and 20")
        if not self.temperatures or not all(0 <= t <= 1 for t in self.temperatures):
            problems.append(f"the temperatures are {self.temperatures}, not between 0 and 1")
        if not 0 < self.speech_threshold < 1:
            problems.append(f"the speech threshold is {self.speech_threshold}, not inside 0 to 1")
        if self.batch_size is not None and self.batch_size < 1:
            problems.append(f"the batch size is {self.batch_size}, not 1 or more")
        if self.max_tokens is not None and self.max_tokens < 1:
            problems.append(f"the most tokens are {self.max_tokens}, not 1 or more")
        if problems:
            raise OptionsError("These settings cannot be used: " + "; ".join(problems) + ".")


@dataclass(frozen=True)
class LanguageDetection:
    """The spoken language: its code and the probability of every language, the likeliest first."""

    language: str
    probabilities: Mapping[str, float]

    @property
    def probability(self) -> float:
        return self.probabilities.get(self.language, 0.0)


@dataclass(frozen=True)
class TranscriptionInfo:
    """What is known before the first segment.

    `language_probabilities` is empty where the language was given. `has_speech` is false if the
    recording holds no speech at all; then there are no segments.
    """

    language: str
    language_probabilities: Mapping[str, float] = field(default_factory=dict)
    duration_s: float = 0.0
    has_speech: bool = True
