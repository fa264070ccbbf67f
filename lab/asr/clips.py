"""Many short clips at once, as in a dataset: sorted by length and decoded side by side.

A clip is encoded in an audio context slightly longer than itself, with the silence up to Whisper's
30 s in a few encoder frames, which takes a fraction of the time. Occasionally the text is then a
loop or stops early: what fails Whisper's own checks is decoded again with the full audio context.
"""

from collections.abc import Sequence
from itertools import groupby

import torch

from lab.asr.audio_context import audio_ctx_for
from lab.asr.memory import clips_per_batch
from lab.asr.options import LanguageDetection, TranscribeOptions
from lab.asr.recognition import Recognizer, WindowState
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
    _check_durations(clips)
    if options.language is None:
        detections = detect_languages(runtime, clips, on_progress, min_audio_ctx)
    else:
        detections = [LanguageDetection(options.language, {})] * len(clips)
    # Clips of one language and similar length share a batch without waste. The longest come first:
    # the last ones of a batch decode alone, and should be finished soon.
    order = sorted(
        range(len(clips)),
        key=lambda index: (detections[index].language, -len(clips[index].samples)),
    )
    transcripts: dict[int, Transcript] = {}

    def report() -> None:
        on_progress(len(transcripts), len(clips), "Transcribing")

    for language, group in groupby(order, key=lambda index: detections[index].language):
        indices = list(group)
        tokenizer = runtime.tokenizer(language, options.task)
        recognizer = Recognizer(
            runtime, tokenizer, options, on_step=report, min_audio_ctx=min_audio_ctx
        )
        states = recognizer.transcribe(_whole_window(clips[index]) for index in indices)
        for index, state in zip(indices, states, strict=True):
            transcripts[index] = Transcript(
                segments=tuple(state.segments),
                language=language,
                language_probabilities=detections[index].probabilities,
                duration_s=clips[index].duration_s,
                model=runtime.name,
                task=options.task,
            )
            report()
    return [transcripts[index] for index in range(len(clips))]


def detect_languages(
    runtime: Runtime,
    clips: Sequence[Waveform],
    on_progress: Progress,
    min_audio_ctx: int,
) -> list[LanguageDetection]:
    """See `Engine.detect_languages`."""
    order = sorted(range(len(clips)), key=lambda index: len(clips[index].samples))
    detections: dict[int, LanguageDetection] = {}
    size = clips_per_batch(min_audio_ctx)
    for begin in range(0, len(order), size):
        indices = order[begin : begin + size]
        audios = [clips[index].samples[:WINDOW_SAMPLES] for index in indices]
        audio_ctx = audio_ctx_for(max(map(len, audios)), min_audio_ctx)
        with runtime.lock, torch.inference_mode():
            features = runtime.network.encode(runtime.log_mels(audios, audio_ctx=audio_ctx))
            detections |= zip(indices, runtime.detect_from_features(features), strict=True)
        on_progress(len(detections), len(clips), "Detecting languages")
    return [detections[index] for index in range(len(clips))]


def _whole_window(clip: Waveform) -> WindowState:
    return WindowState(Window((Region(0, len(clip.samples)),)), clip.samples)


def _check_durations(clips: Sequence[Waveform]) -> None:
    for number, clip in enumerate(clips, start=1):
        if len(clip.samples) > WINDOW_SAMPLES:
            raise AudioError(
                f"Clip {number} of {len(clips)} is {clip.duration_s:.1f} s long; a clip may have "
                f"at most {WINDOW_S} s. Transcribe it as a recording, or split it first."
            )
