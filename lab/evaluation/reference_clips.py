"""Reference clips: decoded audio with its reference text, to test a model on."""

import random
from collections.abc import Container, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import audio, dataset
from lab.asr.options import TranscribeOptions
from lab.asr.speech import WINDOW_S
from lab.audio import Waveform
from lab.core.errors import AudioError, LabError, OptionsError
from lab.core.languages import LANGUAGES
from lab.core.progress import Progress, ignore, part
from lab.core.workspace import Workspace
from lab.dataset import Dataset

if TYPE_CHECKING:
    from lab.asr.engine import Engine


@dataclass(frozen=True, eq=False)
class ReferenceClip:
    """A clip with its reference text, "" if nothing is said. language: Whisper's code"""

    waveform: Waveform
    text: str
    language: str


def from_dataset(
    source: Dataset,
    n_clips: int,
    *,
    exclude: Container[str] = (),
    seed: int = 0,
    on_progress: Progress = ignore,
) -> list[ReferenceClip]:
    """Sample up to `n_clips` clips with texts from the test split, or from all if it is empty.

    exclude: names of files that must not be sampled, such as those the model was trained on
    seed: of the random sample

    Skips clips that are too long or unreadable. Raises OptionsError if none is left.
    """
    usable = [clip for clip in source.clips() if clip.is_usable and clip.file_name not in exclude]
    candidates = [clip for clip in usable if clip.split == "test"] or usable
    random.Random(seed).shuffle(candidates)
    decoded: list[ReferenceClip] = []
    for clip in candidates:
        if len(decoded) == n_clips:
            break
        on_progress(len(decoded), n_clips, "Reading clips")
        with suppress(AudioError):
            waveform = audio.decode(source.audio_path(clip), max_duration_s=WINDOW_S)
            language = clip.language if clip.language in LANGUAGES else "en"
            decoded.append(ReferenceClip(waveform, clip.transcription, language))
    if not decoded:
        raise OptionsError(
            f"{source.name} has no readable clip of up to {WINDOW_S} s with a text. Import or "
            "correct some clips first."
        )
    return decoded


def find(
    workspace: Workspace, dataset_name: str, n_clips: int, *, exclude: Container[str] = ()
) -> list[ReferenceClip]:
    """Like `from_dataset`, but empty if the dataset was deleted or has no usable clips."""
    try:
        return from_dataset(dataset.find(workspace, dataset_name), n_clips, exclude=exclude)
    except LabError:
        return []


def greedy_options(engine: "Engine", language: str) -> TranscribeOptions:
    """Greedy decoding without temperature fallback, which would hide defects and is random."""
    return TranscribeOptions(
        language=language if engine.is_multilingual else "en", temperatures=(0.0,)
    )


def transcribe(
    engine: "Engine",
    clips: Sequence[ReferenceClip],
    *,
    full_audio_ctx: bool = True,
    on_progress: Progress = ignore,
) -> list[str]:
    """Transcribe clips greedily; returns one text per clip.

    full_audio_ctx: encode 30 s per clip, as other libraries do; otherwise an audio context of about
        the clip's length, which is faster, and the full one only if the result looks wrong

    Raises OptionsError for a clip in a language that the model does not support.
    """
    from lab.asr.audio_context import FULL_AUDIO_CTX, SHORT_AUDIO_CTX

    texts: dict[int, str] = {}
    for language in dict.fromkeys(clip.language for clip in clips):
        indices = [index for index, clip in enumerate(clips) if clip.language == language]
        transcripts = engine.transcribe_clips(
            [clips[index].waveform for index in indices],
            greedy_options(engine, language),
            min_audio_ctx=FULL_AUDIO_CTX if full_audio_ctx else SHORT_AUDIO_CTX,
            on_progress=part(on_progress, len(texts), len(clips), len(indices)),
        )
        texts |= {
            index: transcript.text.strip()
            for index, transcript in zip(indices, transcripts, strict=True)
        }
    return [texts[index] for index in range(len(clips))]
