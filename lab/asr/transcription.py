"""A transcription under way: from the samples of a recording to segments of text.

Speech is found first, packed into windows of 30 s and decoded in batches; silence never reaches
the model.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

import torch

from lab.asr.options import LanguageDetection, TranscribeOptions, TranscriptionInfo
from lab.asr.recognition import Passage, Recognizer
from lab.asr.runtime import Runtime
from lab.asr.speech import Region, SpeechOptions, find_speech, pack
from lab.audio import Waveform
from lab.core.progress import Progress
from lab.transcripts import Segment, Transcript


class Transcription:
    """`info` is known at once; iterate to get the segments as they are decoded.

    `transcript()` waits for the rest. A transcription that is abandoned does no more work.
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
        self._heard_s = self._finished_s = 0.0
        self._finished: list[Segment] = []

        passages = (Passage(window, self._samples) for window in pack(self._regions()))
        first = next(passages, None)
        detection = self._language(first)
        self.info = TranscriptionInfo(
            language=detection.language,
            language_probabilities=detection.probabilities,
            duration_s=self._duration_s,
            has_speech=first is not None,
        )
        self._segments = self._read(chain([first] if first else [], passages))

    def __iter__(self) -> Iterator[Segment]:
        for segment in self._segments:
            self._finished.append(segment)
            yield segment

    def transcript(self) -> Transcript:
        """Everything, after decoding what is left."""
        for _ in self:
            pass
        return self.so_far()

    def so_far(self) -> Transcript:
        """What has been decoded until now."""
        return Transcript(
            segments=tuple(self._finished),
            language=self.info.language,
            language_probabilities=self.info.language_probabilities,
            duration_s=self._duration_s,
            model=self._runtime.name,
            task=self._options.task,
        )

    def _read(self, passages: Iterable[Passage]) -> Iterator[Segment]:
        tokenizer = self._runtime.tokenizer(self.info.language, self._options.task)
        recognizer = Recognizer(self._runtime, tokenizer, self._options, on_step=self._report)
        for passage in recognizer.read(self._heard(passages)):
            yield from passage.segments
            self._finished_s = passage.window.end_s
        self._heard_s = self._finished_s = self._duration_s
        self._report()

    def _heard(self, passages: Iterable[Passage]) -> Iterator[Passage]:
        for passage in passages:
            yield passage
            self._heard_s = passage.window.end_s

    def _report(self, note: str = "Transcribing") -> None:
        # Encoding is about half of the work.
        done_s = (self._heard_s + self._finished_s) / 2
        self._on_progress(min(done_s, self._duration_s), self._duration_s, note)

    def _regions(self) -> Iterator[Region]:
        options = SpeechOptions(threshold=self._options.speech_threshold)

        def report(done: float, total: float, note: str = "") -> None:  # noqa: ARG001
            if self._heard_s == 0:
                self._on_progress(0.0, self._duration_s, note)

        return find_speech(self._samples, options, on_progress=report)

    def _language(self, passage: Passage | None) -> LanguageDetection:
        if self._options.language is not None or passage is None:
            return LanguageDetection(self._options.language or "en", {})
        self._report(note="Detecting the language")
        with self._runtime.lock, torch.inference_mode():
            mel = self._runtime.log_mels([passage.window.cut(self._samples)])
            features = self._runtime.network.encode(mel)
            passage.features = features[0]
            return self._runtime.detect(features)[0]
