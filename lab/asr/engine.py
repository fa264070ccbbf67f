"""The engine: a Whisper model on a device, for transcription and language detection."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from whisper.decoding import DecodingOptions, DecodingResult
from whisper.decoding import decode as reference_decode

from lab.asr import checkpoints
from lab.asr.audio_context import SHORT_AUDIO_CTX
from lab.asr.clips import detect_languages, transcribe_clips
from lab.asr.devices import Device
from lab.asr.memory import trim_memory
from lab.asr.options import LanguageDetection, TranscribeOptions
from lab.asr.runtime import Runtime
from lab.asr.speech import SpeechOptions, find_speech, pack
from lab.asr.transcription import Transcription
from lab.audio import Waveform
from lab.core.errors import OptionsError
from lab.core.progress import Progress, ignore
from lab.transcripts import Transcript


class Engine(Runtime):
    """A loaded Whisper model. Threads may share it: a lock admits one batch at a time.

    The engine owns its model and never trains or changes it; to train, load another.

    Examples
    --------
    >>> from lab import Engine, TranscribeOptions, decode
    >>> engine = Engine.load("base")
    >>> options = TranscribeOptions(language="en")
    >>> transcription = engine.transcribe(decode("samples/english.ogg"), options)
    >>> next(iter(transcription)).text
    ' All of our representatives are currently busy.'
    """

    @classmethod
    def load(
        cls,
        name: str,
        *,
        models_dir: Path | None = None,
        device: Device | None = None,
        on_progress: Progress = ignore,
    ) -> "Engine":
        """Load the model `name`. Raises `CheckpointError` if it is unavailable or damaged."""
        model = checkpoints.load(name, models_dir=models_dir, on_progress=on_progress)
        engine = cls(model, name=name, device=device)
        trim_memory()
        return engine

    def transcribe(
        self,
        waveform: Waveform,
        options: TranscribeOptions | None = None,
        *,
        on_progress: Progress = ignore,
    ) -> Transcription:
        """Start a transcription; the language is known when this returns.

        waveform: 16 kHz; any length
        on_progress: called with seconds of the recording, at least once per token; may raise

        Raises `OptionsError` if the model does not support `options`.
        """
        options = options or TranscribeOptions()
        self._check(options)
        return Transcription(self, waveform, options, on_progress)

    def transcribe_clips(
        self,
        clips: Sequence[Waveform],
        options: TranscribeOptions | None = None,
        *,
        min_audio_ctx: int = SHORT_AUDIO_CTX,
        on_progress: Progress = ignore,
    ) -> list[Transcript]:
        """Transcribe many clips, in their order; several times faster than one by one.

        clips: 16 kHz, each at most 30 s; transcribed whole, without speech detection
        min_audio_ctx: minimum audio context in encoder frames of 20 ms; 1500, Whisper's 30 s, is
            the slowest and includes all the silence after a clip
        on_progress: called with the number of clips, at least once per token; may raise

        Raises `OptionsError` if the model does not support `options`, `AudioError` for a clip that
        is too long.
        """
        options = options or TranscribeOptions()
        self._check(options)
        return transcribe_clips(self, clips, options, on_progress, min_audio_ctx)

    def detect_languages(
        self,
        clips: Sequence[Waveform],
        *,
        min_audio_ctx: int = SHORT_AUDIO_CTX,
        on_progress: Progress = ignore,
    ) -> list[LanguageDetection]:
        """Detect the languages of many clips, in their order, from their first 30 s.

        The parameters are those of `transcribe_clips`.
        """
        return detect_languages(self, clips, on_progress, min_audio_ctx)

    def detect_language(
        self, waveform: Waveform, *, speech_threshold: float = SpeechOptions.threshold
    ) -> LanguageDetection | None:
        """Detect the language of the first 30 s of speech; None without speech."""
        regions = find_speech(waveform.samples, SpeechOptions(threshold=speech_threshold))
        window = next(pack(regions), None)
        if window is None:
            return None
        with self.lock, torch.inference_mode():
            features = self.network.encode(self.log_mels([window.cut(waveform.samples)]))
            return self.detect_from_features(features)[0]

    def encode(self, mel: Tensor) -> Tensor:
        """Audio features (windows, 1500, state) of log-mel spectrograms (windows, n_mels, 3000)."""
        with self.lock, torch.inference_mode():
            return self.network.encode(mel)

    def decode(self, mel: Tensor, options: DecodingOptions) -> DecodingResult:
        """Decode one log-mel spectrogram, (n_mels, 3000), with openai-whisper; slow, in float32."""
        with self.lock, torch.inference_mode():
            model = self.network.model
            return reference_decode(model, mel.to(self.network.device), options, fp16=False)

    def _check(self, options: TranscribeOptions) -> None:
        if options.language is not None and options.language not in self.languages:
            raise OptionsError(
                f'The model {self.name} does not support the language "{options.language}". '
                + (
                    "It supports English only; choose a model without .en."
                    if len(self.languages) == 1
                    else "Use the code of one of Whisper's languages, such as sq for Albanian."
                )
            )
        if options.task == "translate" and not self.is_multilingual:
            raise OptionsError(
                f"The model {self.name} supports English only and cannot translate; "
                "choose a model without .en."
            )
