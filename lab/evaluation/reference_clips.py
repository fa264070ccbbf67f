"""Clips whose texts are known, in memory, to try a model on."""

import random
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import audio
from lab.asr.options import TranscribeOptions
from lab.asr.speech import WINDOW_S
from lab.audio import Waveform
from lab.core.errors import AudioError, OptionsError
from lab.core.languages import LANGUAGES
from lab.core.progress import Progress, ignore
from lab.dataset import Dataset, Entry

if TYPE_CHECKING:
    from lab.asr.engine import Engine

# Second tries at higher temperatures would hide what is broken, and be different each time.
_TEMPERATURES = (0.0,)


@dataclass(frozen=True, eq=False)
class Spoken:
    """A clip. text: what is said in it, perhaps nothing; language: Whisper's code"""

    waveform: Waveform
    text: str
    language: str


def from_dataset(
    dataset: Dataset,
    n_clips: int,
    *,
    without: Container[str] = (),
    seed: int = 0,
    on_progress: Progress = ignore,
) -> list[Spoken]:
    """Up to `n_clips` clips with texts, drawn from the test split, or from all where there is none.

    without: names of files that are not to be drawn, such as those that the model learned from
    seed: the same one draws the same clips

    Clips that are too long or cannot be read are passed over. Raises OptionsError if none is left.
    """
    usable = [
        entry for entry in dataset.entries() if entry.is_usable and entry.file_name not in without
    ]
    drawn = [entry for entry in usable if entry.split == "test"] or usable
    random.Random(seed).shuffle(drawn)
    clips: list[Spoken] = []
    for entry in drawn:
        if len(clips) == n_clips:
            break
        on_progress(len(clips), n_clips, "Reading clips")
        if clip := _clip(dataset, entry):
            clips.append(clip)
    if not clips:
        raise OptionsError(
            f"The dataset {dataset.name} has no clip of up to {WINDOW_S} s with a text that could "
            "be read. Import or correct some first."
        )
    return clips


def options_for(engine: "Engine", language: str) -> TranscribeOptions:
    """How a model is tried: the likeliest token at each step, nothing a second time."""
    known = language if engine.is_multilingual else "en"
    return TranscribeOptions(language=known, temperatures=_TEMPERATURES)


def texts(
    engine: "Engine",
    clips: Sequence[Spoken],
    *,
    full_context: bool = True,
    on_progress: Progress = ignore,
) -> list[str]:
    """What a model writes for clips, in their order; nothing is tried twice.

    full_context: hear 30 s, as other libraries do; else about as much as a clip is long, which is
        faster, and again in full where that looks wrong

    Raises OptionsError for a clip in a language that the model does not know.
    """
    from lab.asr.audio_context import FULL_AUDIO_CTX, SHORT_AUDIO_CTX

    found: dict[int, str] = {}
    for language in dict.fromkeys(clip.language for clip in clips):
        places = [place for place, clip in enumerate(clips) if clip.language == language]
        transcripts = engine.transcribe_clips(
            [clips[place].waveform for place in places],
            options_for(engine, language),
            min_audio_ctx=FULL_AUDIO_CTX if full_context else SHORT_AUDIO_CTX,
            on_progress=_after(len(found), len(clips), on_progress),
        )
        found |= {place: one.text.strip() for place, one in zip(places, transcripts, strict=True)}
    return [found[place] for place in range(len(clips))]


def _after(n_before: int, n_clips: int, on_progress: Progress) -> Progress:
    def report(done: float, total: float, note: str = "") -> None:  # noqa: ARG001
        on_progress(n_before + done, n_clips, note)

    return report


def _clip(dataset: Dataset, entry: Entry) -> Spoken | None:
    try:
        waveform = audio.decode(dataset.audio_path(entry), max_duration_s=WINDOW_S)
    except AudioError:
        return None
    language = entry.language if entry.language in LANGUAGES else "en"
    return Spoken(waveform, entry.transcription, language)
