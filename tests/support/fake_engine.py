"""A fake engine that transcribes clips with a function, and silent datasets for it."""

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


def duration_and_language(clip: Waveform, language: str) -> str:
    return f"{language} {clip.duration_s:.0f}"


@dataclass
class FakeEngine:
    """Stands in for `Engine`.

    transcribe: maps a clip and a language to a text, to which the engine's name is appended
    durations_s: durations of the clips of each call
    """

    name: str = "base"
    fingerprint: str = "1"
    transcribe: Callable[[Waveform, str], str] = duration_and_language
    durations_s: list[list[float]] = field(default_factory=list)
    languages: tuple[str, ...] = tuple(LANGUAGES)

    @property
    def is_multilingual(self) -> bool:
        return self.languages != ("en",)

    def transcribe_clips(
        self, clips: Sequence[Waveform], options: TranscribeOptions, *, on_progress: Progress
    ) -> list[Transcript]:
        self.durations_s.append([clip.duration_s for clip in clips])
        transcripts = []
        for index, clip in enumerate(clips):
            on_progress(index, len(clips), "Transcribing")
            text = self.transcribe(clip, options.language or "")
            segments = (
                Segment(0, 1, " " + text.replace(" ", "\n"), (1, 2, 3), avg_logprob=-0.5),
                Segment(1, 2, f" {self.name}", (1,), avg_logprob=-1.5),
            )
            transcripts.append(Transcript(segments if text else (), "sq"))
        return transcripts


def silent_dataset(workspace: Workspace, *durations_s: float, language: str = "sq") -> Dataset:
    """The dataset “a” with one silent clip per duration, named after it."""
    clips = []
    for duration_s in durations_s:
        samples = np.zeros(round(duration_s * 16_000), np.float32)
        clips.append((f"{duration_s:g}.wav", audio.encode_wav(Waveform(samples, 16_000))))
    return dataset.add(workspace, "a", clips, language=language)[0]
