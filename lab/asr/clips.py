"""Many short clips at once, as datasets have them: sorted by length and decoded side by side.

A clip is heard in a context that is little longer than itself, and the silence up to Whisper's 30 s
in few positions, which takes a fraction of the time. Now and then the text then is a loop or stops
early: what does not pass Whisper's own checks is heard again in the full context.
"""

from collections.abc import Sequence
from itertools import groupby

import torch

from lab.asr.audio_context import audio_ctx_for, clips_per_batch
from lab.asr.options import LanguageDetection, TranscribeOptions
from lab.asr.recognition import Passage, Recognizer
from lab.asr.runtime import Runtime
from lab.asr.speech import WINDOW_S, WINDOW_SAMPLES, Region, Window
from lab.audio import Waveform
from lab.core.errors import AudioError
from lab.core.progress import Progress
from lab.transcripts import Transcript


def transcribe_clips(
    runtime: Runtime,
    clips: Sequence[Waveform],
    options: TranscribeOptions,
    on_progress: Progress,
    min_audio_ctx: int,
) -> list[Transcript]:
    """See `Engine.transcribe_clips`."""
    _check(clips)
    if options.language is None:
        detections = detect_languages(runtime, clips, on_progress, min_audio_ctx)
    else:
        detections = [LanguageDetection(options.language, {})] * len(clips)
    # Alike in language and length stand together: they share a batch without waste. The longest
    # come first: those that a batch ends with have nobody beside them, and are soon done.
    order = sorted(
        range(len(clips)),
        key=lambda place: (detections[place].language, -len(clips[place].samples)),
    )
    found: dict[int, Transcript] = {}

    def report() -> None:
        on_progress(len(found), len(clips), "Transcribing")

    for language, places in groupby(order, key=lambda place: detections[place].language):
        recognizer = Recognizer(
            runtime,
            runtime.tokenizer(language, options.task),
            options,
            on_step=report,
            min_audio_ctx=min_audio_ctx,
        )
        alike = list(places)
        for place, passage in zip(
            alike, recognizer.read(_passage(clips[place]) for place in alike), strict=True
        ):
            found[place] = Transcript(
                segments=tuple(passage.segments),
                language=language,
                language_probabilities=detections[place].probabilities,
                duration_s=clips[place].duration_s,
                model=runtime.name,
                task=options.task,
            )
            report()
    return [found[place] for place in range(len(clips))]


def detect_languages(
    runtime: Runtime,
    clips: Sequence[Waveform],
    on_progress: Progress,
    min_audio_ctx: int,
) -> list[LanguageDetection]:
    """See `Engine.detect_languages`."""
    order = sorted(range(len(clips)), key=lambda place: len(clips[place].samples))
    found: dict[int, LanguageDetection] = {}
    size = clips_per_batch(min_audio_ctx)
    for begin in range(0, len(order), size):
        places = order[begin : begin + size]
        audios = [clips[place].samples[:WINDOW_SAMPLES] for place in places]
        context = audio_ctx_for(max(map(len, audios)), min_audio_ctx)
        with runtime.lock, torch.inference_mode():
            features = runtime.network.encode(runtime.log_mels(audios, positions=context))
            found |= zip(places, runtime.detect(features), strict=True)
        on_progress(len(found), len(clips), "Detecting the languages")
    return [found[place] for place in range(len(clips))]


def _passage(clip: Waveform) -> Passage:
    return Passage(Window((Region(0, len(clip.samples)),)), clip.samples)


def _check(clips: Sequence[Waveform]) -> None:
    for number, clip in enumerate(clips, start=1):
        if len(clip.samples) > WINDOW_SAMPLES:
            raise AudioError(
                f"Clip {number} of {len(clips)} is {clip.duration_s:.1f} s long; a clip has at "
                f"most {WINDOW_S} s. Transcribe it as a recording, or split it first."
            )
