"""A transcription under way: from the samples of a recording to segments of text.

Speech is found first, packed into windows of 30 s and decoded in batches; silence never reaches
the model.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

import torch

from lab.asr.options import LanguageDetection, TranscribeOptions, TranscriptionInfo
from lab.asr.recognition import Recognizer
from lab.asr.speech import Region, SpeechOptions, Window, find_speech, pack
from lab.audio import SAMPLE_RATE, Waveform
from lab.progress import Progress
from lab.transcript import Segment, Transcript

if TYPE_CHECKING:
    from lab.asr.engine import Engine

# Windows decoded together where nothing else is asked for: more gain little on a processor.
_BATCH_SIZE_PROCESSOR, _BATCH_SIZE_GPU = 8, 32


class Transcription:
    """`info` is known at once; iterate to get the segments as they are decoded.

    `transcript()` waits for the rest. A transcription that is abandoned does no more work.
    """

    def __init__(
        self,
        engine: "Engine",
        waveform: Waveform,
        options: TranscribeOptions,
        on_progress: Progress,
    ) -> None:
        """Use `Engine.transcribe`, which checks the options."""
        self._engine, self._options = engine, options
        self._samples, self._duration_s = waveform.samples, waveform.duration_s
        self._on_progress = on_progress
        self._done_s = 0.0
        self._finished: list[Segment] = []

        windows = pack(self._regions())
        first = next(windows, None)
        detection = self._language(first)
        self.info = TranscriptionInfo(
            language=detection.language,
            language_probabilities=detection.probabilities,
            duration_s=self._duration_s,
            has_speech=first is not None,
        )
        tokenizer = engine.tokenizer(self.info.language, options.task)
        self._recognizer = Recognizer(engine, tokenizer, self._samples, options)
        self._segments = self._decoded_segments(chain([first] if first else [], windows))

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
            model=self._engine.name,
            task=self._options.task,
        )

    def _decoded_segments(self, windows: Iterable[Window]) -> Iterator[Segment]:
        default = _BATCH_SIZE_GPU if self._engine.device.is_gpu else _BATCH_SIZE_PROCESSOR
        for batch in growing_batches(windows, self._options.batch_size or default):
            with self._engine.lock, torch.inference_mode():
                found = self._recognizer.segments(batch, on_share=self._share_of(batch))
            self._done_s = batch[-1].end_s
            yield from found  # first, for the report may stop the work and these are finished
            self._report()
        self._done_s = self._duration_s
        self._report()

    def _report(self, gained_s: float = 0.0, note: str = "Transcribing") -> None:
        self._on_progress(min(self._done_s + gained_s, self._duration_s), self._duration_s, note)

    def _share_of(self, batch: Sequence[Window]) -> Callable[[float], None]:
        span_s = batch[-1].end_s - batch[0].start_s
        return lambda share: self._report(span_s * share)

    def _regions(self) -> Iterator[Region]:
        options = SpeechOptions(threshold=self._options.speech_threshold)

        def report(done: float, total: float, note: str = "") -> None:  # noqa: ARG001
            self._report(0.0 if self._done_s else done / SAMPLE_RATE, note)

        return find_speech(self._samples, options, on_progress=report)

    def _language(self, window: Window | None) -> LanguageDetection:
        if self._options.language is not None or window is None:
            return LanguageDetection(self._options.language or "en", {})
        self._report(note="Detecting the language")
        with self._engine.lock, torch.inference_mode():
            mel = self._engine.log_mels([window.cut(self._samples)])
            return self._engine.detect(self._engine.network.encode(mel))


def growing_batches(windows: Iterable[Window], largest: int) -> Iterator[list[Window]]:
    """Batches of 1, 2, 4 … `largest` windows: the first text comes soon, the rest fast."""
    source = iter(windows)
    size = 1
    while batch := list(islice(source, size)):
        yield batch
        size = min(2 * size, largest)
