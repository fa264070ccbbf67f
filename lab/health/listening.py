"""What one model makes of the material, and what can be counted in a text."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from lab.core.progress import Progress, ignore, part
from lab.evaluation import reference_clips
from lab.evaluation.reference_clips import Spoken, options_for
from lab.health.material import Material
from lab.scoring import BASIC
from lab.transcripts import Transcript

if TYPE_CHECKING:
    from lab.asr.engine import Engine

_LONGEST_PHRASE = 8  # words that come again and again as a whole


@dataclass(frozen=True)
class Heard:
    """What a model made of `Material`, in its order; texts as the model wrote them.

    model: its name
    others: by language; those that the model does not know are missing
    """

    model: str
    clips: tuple[str, ...]
    long: Transcript
    silence: tuple[str, ...]
    noise: tuple[str, ...]
    others: Mapping[str, str]


def listen(engine: "Engine", heard: Material, on_progress: Progress = ignore) -> Heard:
    """Let a model hear everything; nothing is tried twice, so that it comes out the same again."""
    of_clips, of_quiet = part(on_progress, 0, 4), part(on_progress, 1, 4)
    clips = reference_clips.texts(engine, heard.clips, full_context=False, on_progress=of_clips)
    quiet = reference_clips.texts(engine, [*heard.silence, *heard.noise], on_progress=of_quiet)
    long = _transcript(engine, heard.long, part(on_progress, 2, 4))
    known = [other for other in heard.others if engine.is_multilingual or other.language == "en"]
    of_others = part(on_progress, 3, 4)
    others = {
        other.language: _transcript(engine, other, part(of_others, place, len(known))).text
        for place, other in enumerate(known)
    }
    n_silence = len(heard.silence)
    return Heard(
        engine.name, tuple(clips), long, tuple(quiet[:n_silence]), tuple(quiet[n_silence:]), others
    )


def n_words(text: str) -> int:
    return len(BASIC(text).split())


def repetitions(text: str) -> int:
    """How often the most repeated phrase, of up to 8 words, follows upon itself; 1 for none."""
    words = BASIC(text).split()
    most = 1
    for length in range(1, _LONGEST_PHRASE + 1):
        run = 0
        for place in range(length, len(words)):
            run = run + 1 if words[place] == words[place - length] else 0
            most = max(most, run // length + 1)
    return most


def mean_segment_s(transcript: Transcript) -> float:
    """How long a segment is on average; 0 where there is none."""
    lengths_s = [segment.end_s - segment.start_s for segment in transcript.segments]
    return sum(lengths_s) / len(lengths_s) if lengths_s else 0.0


def times_in_disorder(transcript: Transcript) -> int:
    """Segments that take no time, begin before the one before, or lie outside of the recording."""
    segments = transcript.segments
    wrong = {
        place
        for place, segment in enumerate(segments)
        if not 0 <= segment.start_s < segment.end_s <= transcript.duration_s + 0.5
    }
    wrong |= {
        place
        for place, (one, next_one) in enumerate(pairwise(segments), start=1)
        if next_one.start_s < one.start_s
    }
    return len(wrong)


def _transcript(engine: "Engine", clip: Spoken, on_progress: Progress) -> Transcript:
    options = options_for(engine, clip.language)
    return engine.transcribe(clip.waveform, options, on_progress=on_progress).transcript()
