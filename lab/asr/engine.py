"""The engine: one Whisper model on one device, and everything that is asked of it."""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from whisper.audio import N_SAMPLES_PER_TOKEN, log_mel_spectrogram, pad_or_trim
from whisper.decoding import DecodingOptions, DecodingResult
from whisper.decoding import decode as reference_decode
from whisper.tokenizer import Tokenizer, get_tokenizer

from lab.asr import checkpoints
from lab.asr.clips import detect_languages, transcribe_clips
from lab.asr.devices import Device, best_device
from lab.asr.memory import return_to_system
from lab.asr.network import Network
from lab.asr.options import LanguageDetection, TranscribeOptions
from lab.asr.recognition import SHORT_CONTEXT
from lab.asr.speech import Samples, SpeechOptions, find_speech, pack
from lab.asr.transcription import Transcription
from lab.audio import Waveform
from lab.core.errors import OptionsError
from lab.core.languages import LANGUAGES
from lab.core.progress import Progress, ignore
from lab.transcripts import Transcript

if TYPE_CHECKING:
    from whisper.model import Whisper

# Training changes every weight of a layer; this one shares no factor with the width of any layer.
_FINGERPRINT_STRIDE = 997


class Engine:
    """A Whisper model ready to work. Threads may share it: a lock lets one batch through at a time.

    The model belongs to the engine and is never trained or changed; to train, load another.
    """

    def __init__(self, model: "Whisper", *, name: str, device: Device | None = None) -> None:
        """Take over `model` (of `lab.asr.checkpoints.load`); it moves to `device`."""
        self.name = name
        self.fingerprint = _fingerprint(model)
        self.device = device or best_device()
        self.network = Network(model, self.device)
        self.is_multilingual: bool = model.is_multilingual
        self._num_languages: int = model.num_languages
        known = list(LANGUAGES)[: self._num_languages] if self.is_multilingual else ["en"]
        self.languages = tuple(known)  # Whisper's codes
        self.lock = threading.Lock()

    @classmethod
    def load(
        cls,
        name: str,
        *,
        models_dir: Path | None = None,
        device: Device | None = None,
        on_progress: Progress = ignore,
    ) -> "Engine":
        """An engine with the checkpoint `name`; raises `CheckpointError` if it cannot be had."""
        model = checkpoints.load(name, models_dir=models_dir, on_progress=on_progress)
        engine = cls(model, name=name, device=device)
        return_to_system()
        return engine

    def transcribe(
        self,
        waveform: Waveform,
        options: TranscribeOptions | None = None,
        *,
        on_progress: Progress = ignore,
    ) -> Transcription:
        """Start transcribing; the language is known when this returns.

        waveform: 16 kHz; any length
        on_progress: called with seconds of the recording, at least once a token; may raise

        Raises `OptionsError` if the model cannot do what `options` ask for.
        """
        options = options or TranscribeOptions()
        self._check(options)
        return Transcription(self, waveform, options, on_progress)

    def transcribe_clips(
        self,
        clips: Sequence[Waveform],
        options: TranscribeOptions | None = None,
        *,
        shortest_context: int = SHORT_CONTEXT,
        on_progress: Progress = ignore,
    ) -> list[Transcript]:
        """The texts of many clips of speech, in their order; several times faster than one by one.

        clips: 16 kHz, each at most 30 s; nothing is cut away and no speech is looked for
        shortest_context: how much the encoder hears at least at full length, in steps of 20 ms; at
            1500, which is Whisper's 30 s, the silence after a clip too
        on_progress: called with clips, at least once a token; may raise

        Raises `OptionsError` if the model cannot do what `options` ask for, `AudioError` for a clip
        that is too long.
        """
        options = options or TranscribeOptions()
        self._check(options)
        return transcribe_clips(self, clips, options, on_progress, shortest_context)

    def detect_languages(
        self,
        clips: Sequence[Waveform],
        *,
        shortest_context: int = SHORT_CONTEXT,
        on_progress: Progress = ignore,
    ) -> list[LanguageDetection]:
        """The languages of many clips, in their order, by their first 30 s.

        The parameters are those of `transcribe_clips`.
        """
        return detect_languages(self, clips, on_progress, shortest_context)

    def detect_language(
        self, waveform: Waveform, *, speech_threshold: float = SpeechOptions.threshold
    ) -> LanguageDetection | None:
        """The language of the first 30 s of speech, or None where nobody speaks."""
        regions = find_speech(waveform.samples, SpeechOptions(threshold=speech_threshold))
        window = next(pack(regions), None)
        if window is None:
            return None
        with self.lock, torch.inference_mode():
            features = self.network.encode(self.log_mels([window.cut(waveform.samples)]))
            return self.detect(features)[0]

    def log_mels(self, audios: Sequence[Samples], *, positions: int = 1500) -> Tensor:
        """Log-mel spectrograms, (windows, n_mels, 2 * positions), filled up with silence.

        positions: how much the encoder is to hear, in steps of 20 ms; 1500 are Whisper's 30 s
        """
        length = positions * N_SAMPLES_PER_TOKEN
        return torch.stack(
            [
                log_mel_spectrogram(pad_or_trim(audio, length), self.network.dims.n_mels)
                for audio in audios
            ]
        )

    def encode(self, mel: Tensor) -> Tensor:
        """Audio features (windows, 1500, state) of log-mel spectrograms (windows, n_mels, 3000)."""
        with self.lock, torch.inference_mode():
            return self.network.encode(mel)

    def decode(self, mel: Tensor, options: DecodingOptions) -> DecodingResult:
        """openai-whisper's own decoding of one spectrogram, (n_mels, 3000); slow, in float32."""
        with self.lock, torch.inference_mode():
            model = self.network.model
            return reference_decode(model, mel.to(self.network.device), options, fp16=False)

    def detect(self, features: Tensor) -> list[LanguageDetection]:
        """The languages of windows, from their features, shape (windows, positions, state).

        The caller holds the lock, in inference mode.
        """
        if not self.is_multilingual:
            return [LanguageDetection("en", {"en": 1.0})] * len(features)
        tokenizer = self.tokenizer()
        start = torch.full((len(features), 1), tokenizer.sot, device=self.network.device)
        reading = self.network.read(start, self.network.cross(features))
        logits = self.network.logits(reading.hidden[:, 0])
        codes = tokenizer.all_language_codes
        rows = logits[:, list(tokenizer.all_language_tokens)].softmax(-1).tolist()
        ranked = [
            sorted(zip(codes, probabilities, strict=True), key=lambda pair: -pair[1])
            for probabilities in rows
        ]
        return [LanguageDetection(pairs[0][0], dict(pairs)) for pairs in ranked]

    def tokenizer(self, language: str | None = None, task: str = "transcribe") -> Tokenizer:
        """The tokenizer of the model, set to a language and a task."""
        return get_tokenizer(
            self.is_multilingual,
            num_languages=self._num_languages,
            language=language if self.is_multilingual else None,
            task=task if self.is_multilingual else None,
        )

    def _check(self, options: TranscribeOptions) -> None:
        if options.language is not None and options.language not in self.languages:
            raise OptionsError(
                f'The model {self.name} does not know the language "{options.language}". '
                + (
                    "It knows English only; choose a model without .en."
                    if len(self.languages) == 1
                    else "Choose one of Whisper's languages by its code, such as sq for Albanian."
                )
            )
        if options.task == "translate" and not self.is_multilingual:
            raise OptionsError(
                f"The model {self.name} knows English only and cannot translate; "
                "choose a model without .en."
            )


def _fingerprint(model: "Whisper") -> str:
    """Tells models of the same name apart: a digest of every thousandth weight or so."""
    digest = hashlib.sha256()
    for parameter in model.parameters():
        sample = parameter.detach().flatten()[::_FINGERPRINT_STRIDE].float().cpu()
        digest.update(sample.numpy().tobytes())
    return digest.hexdigest()
