"""A transcription in progress: from the samples of a recording to segments of text.

Speech is detected first, packed into windows of 30 s and decoded in batches; silence never reaches
the model.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

import torch

from lab.asr.options import LanguageDetection, TranscribeOptions, TranscriptionInfo
from lab.asr.recognition import Recognizer, WindowState
from lab.asr.runtime import Runtime
from lab.asr.speech import Region, SpeechOptions, find_speech, pack
from lab.audio import Waveform
from lab.core.progress import Progress
from lab.transcripts import Segment, Transcript


class Transcription:
    """An iterator of segments as they are decoded; `info` is available at once.

    `transcript()` decodes everything that is left. A transcription that is abandoned stops working.
    """

    def __init__(
        self,
        runtime: Runtime,
        waveform: Waveform,
        options: TranscribeOptions,
        on_progress: Progress,
    ) -> None:
        """Use `Engine.transcribe`, which checks the options."""
        self._runtime, self._options = runtime, options
        self._samples, self._duration_s = waveform.samples, waveform.duration_s
        self._on_progress = on_progress
        self._encoded_s = self._decoded_s = 0.0
        self._finished: list[Segment] = []

        windows = (WindowState(window, self._samples) for window in pack(self._regions()))
        first = next(windows, None)
        detection = self._language(first)
        self.info = TranscriptionInfo(
            language=detection.language,
            language_probabilities=detection.probabilities,
            duration_s=self._duration_s,
            has_speech=first is not None,
        )
        self._segments = self._transcribe(chain([first] if first else [], windows))

    def __iter__(self) -> Iterator[Segment]:
        for segment in self._segments:
            self._finished.append(segment)
            yield segment

    def transcript(self) -> Transcript:
        """The whole transcript, after decoding what is left."""
        for _ in self:
            pass
        return self.so_far()

    def so_far(self) -> Transcript:
        """The transcript of the segments that were decoded until now."""
        return Transcript(
            segments=tuple(self._finished),
            language=self.info.language,
            language_probabilities=self.info.language_probabilities,
            duration_s=self._duration_s,
            model=self._runtime.name,
            task=self._options.task,
        )

    def _transcribe(self, windows: Iterable[WindowState]) -> Iterator[Segment]:
        tokenizer = self._runtime.tokenizer(self.info.language, self._options.task)
        recognizer = Recognizer(self._runtime, tokenizer, self._options, on_step=self._report)
        for state in recognizer.transcribe(self._tracked(windows)):
            yield from state.segments
            self._decoded_s = state.window.end_s
        self._encoded_s = self._decoded_s = self._duration_s
        self._report()

    def _tracked(self, windows: Iterable[WindowState]) -> Iterator[WindowState]:
        for state in windows:
            yield state
            self._encoded_s = state.window.end_s

    def _report(self, note: str = "Transcribing") -> None:
        # Encoding is about half of the work.
        done_s = (self._encoded_s + self._decoded_s) / 2
        self._on_progress(min(done_s, self._duration_s), self._duration_s, note)

    def _regions(self) -> Iterator[Region]:
        options = SpeechOptions(threshold=self._options.speech_threshold)

        def report(done: float, total: float, note: str = "") -> None:  # noqa: ARG001
            if self._encoded_s == 0:
                self._on_progress(0.0, self._duration_s, note)

        return find_speech(self._samples, options, on_progress=report)

    def _language(self, state: WindowState | None) -> LanguageDetection:
        if self._options.language is not None or state is None:
            return LanguageDetection(self._options.language or "en", {})
        self._report(note="Detecting the language")
        with self._runtime.lock, torch.inference_mode():
            mel = self._runtime.log_mels([state.window.cut(self._samples)])
            features = self._runtime.network.encode(mel)
            state.features = features[0]
            return self._runtime.detect_from_features(features)[0]
