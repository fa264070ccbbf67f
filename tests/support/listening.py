"""An engine that knows what is said, and what it makes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from lab import audio, dataset
from lab.asr.options import TranscribeOptions
from lab.audio import Waveform
from lab.core.languages import LANGUAGES
from lab.core.progress import Progress
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.transcripts import Segment, Transcript


def length_and_language(clip: Waveform, language: str) -> str:
    return f"{language} {clip.duration_s:.0f}"


@dataclass
class Listener:
    """Stands in for an engine; heard: the lengths of the clips of each call, in seconds."""

    name: str = "base"
    fingerprint: str = "1"
    says: Callable[[Waveform, str], str] = length_and_language
    heard: list[list[float]] = field(default_factory=list)
    languages: tuple[str, ...] = tuple(LANGUAGES)

    @property
    def is_multilingual(self) -> bool:
        return self.languages != ("en",)

    def transcribe_clips(
        self, clips: Sequence[Waveform], options: TranscribeOptions, *, on_progress: Progress
    ) -> list[Transcript]:
        self.heard.append([clip.duration_s for clip in clips])
        transcripts = []
        for place, clip in enumerate(clips):
            on_progress(place, len(clips), "Transcribing")
            text = self.says(clip, options.language or "")
            segments = (
                Segment(0, 1, " " + text.replace(" ", "\n"), (1, 2, 3), avg_logprob=-0.5),
                Segment(1, 2, f" {self.name}", (1,), avg_logprob=-1.5),
            )
            transcripts.append(Transcript(segments if text else (), "sq"))
        return transcripts


def silence(workspace: Workspace, *lengths_s: float, language: str = "sq") -> Dataset:
    """The dataset “a” with a silent clip of each length; it is called after it."""
    clips = []
    for length_s in lengths_s:
        samples = np.zeros(round(length_s * 16_000), np.float32)
        clips.append((f"{length_s:g}.wav", audio.encode_wav(Waveform(samples, 16_000))))
    return dataset.add(workspace, "a", clips, language=language)[0]
