"""What one model outputs for the probe set, and measures of a single output."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.core.progress import Progress, ignore, part
from lab.evaluation import reference_clips
from lab.evaluation.reference_clips import ReferenceClip, greedy_options
from lab.health.probes import ProbeSet
from lab.scoring import BASIC
from lab.transcripts import Transcript

if TYPE_CHECKING:
    from lab.asr.engine import Engine

_MAX_PHRASE_WORDS = 8
_END_TOLERANCE_S = 0.5


@dataclass(frozen=True)
class ModelOutputs:
    """What a model outputs for the clips of a `ProbeSet`, in their order; texts not normalised.

    model: its name
    others: text by language code; languages that the model does not support are missing
    """

    model: str
    clips: tuple[str, ...]
    long: Transcript
    silence: tuple[str, ...]
    noise: tuple[str, ...]
    others: Mapping[str, str]


def transcribe_probes(
    engine: "Engine", probes: ProbeSet, on_progress: Progress = ignore
) -> ModelOutputs:
    """Transcribe the whole probe set greedily, so that the result is reproducible."""
    clips = reference_clips.transcribe(
        engine, probes.clips, full_audio_ctx=False, on_progress=part(on_progress, 0, 4)
    )
    quiet = reference_clips.transcribe(
        engine, [*probes.silence, *probes.noise], on_progress=part(on_progress, 1, 4)
    )
    long = _transcribe(engine, probes.long, part(on_progress, 2, 4))
    supported = [clip for clip in probes.others if engine.is_multilingual or clip.language == "en"]
    others = {
        clip.language: _transcribe(
            engine, clip, part(part(on_progress, 3, 4), index, len(supported))
        ).text
        for index, clip in enumerate(supported)
    }
    n_silence = len(probes.silence)
    return ModelOutputs(
        engine.name, tuple(clips), long, tuple(quiet[:n_silence]), tuple(quiet[n_silence:]), others
    )


def count_words(text: str) -> int:
    return len(BASIC(text).split())


def max_phrase_repeats(text: str) -> int:
    """How often a phrase of up to 8 words is repeated in a row at most; 1 if none is."""
    words = BASIC(text).split()
    most = 1
    for length in range(1, _MAX_PHRASE_WORDS + 1):
        n_matching = 0
        for index in range(length, len(words)):
            n_matching = n_matching + 1 if words[index] == words[index - length] else 0
            most = max(most, n_matching // length + 1)
    return most


def mean_segment_duration_s(transcript: Transcript) -> float:
    """Mean duration of the segments in seconds; 0 without segments."""
    durations_s = [segment.end_s - segment.start_s for segment in transcript.segments]
    return sum(durations_s) / len(durations_s) if durations_s else 0.0


def count_invalid_timestamps(transcript: Transcript) -> int:
    """Segments that are empty, start before their predecessor, or lie outside the recording."""
    last_s = transcript.duration_s + _END_TOLERANCE_S
    starts_s = [0.0, *(segment.start_s for segment in transcript.segments)]
    return sum(
        not max(previous_start_s, 0.0) <= segment.start_s < segment.end_s <= last_s
        for previous_start_s, segment in zip(starts_s, transcript.segments, strict=False)
    )


def _transcribe(engine: "Engine", clip: ReferenceClip, on_progress: Progress) -> Transcript:
    options = greedy_options(engine, clip.language)
    return engine.transcribe(clip.waveform, options, on_progress=on_progress).transcript()
