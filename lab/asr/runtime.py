"""A loaded Whisper model with what every use of it shares: lock, tokenizer, spectrograms."""

import hashlib
import threading
from collections.abc import Sequence

import torch
from torch import Tensor
from whisper.audio import N_SAMPLES_PER_TOKEN, log_mel_spectrogram, pad_or_trim
from whisper.model import Whisper
from whisper.tokenizer import Tokenizer, get_tokenizer

from lab.asr.audio_context import FULL_AUDIO_CTX
from lab.asr.devices import Device, best_device
from lab.asr.network import Network
from lab.asr.options import LanguageDetection
from lab.asr.speech import Samples
from lab.core.languages import LANGUAGES

# Training changes every weight of a layer; this prime shares no factor with any layer's width.
_FINGERPRINT_STRIDE = 997


class Runtime:
    """A Whisper model on a device. Threads may share it: each unit of work takes the lock.

    The runtime owns its model and never trains or changes it; to train, load another.
    """

    def __init__(self, model: Whisper, *, name: str, device: Device | None = None) -> None:
        """Take ownership of `model` (of `lab.asr.checkpoints.load`) and move it to `device`."""
        self.name = name
        self.fingerprint = _fingerprint(model)
        self.device = device or best_device()
        self.network = Network(model, self.device)
        self.is_multilingual: bool = model.is_multilingual
        self._num_languages: int = model.num_languages
        codes = list(LANGUAGES)[: self._num_languages] if self.is_multilingual else ["en"]
        self.languages = tuple(codes)
        self.lock = threading.Lock()

    def log_mels(self, audios: Sequence[Samples], *, audio_ctx: int = FULL_AUDIO_CTX) -> Tensor:
        """Log-mel spectrograms, shape (windows, n_mels, 2 * audio_ctx), padded with silence.

        audio_ctx: encoder frames of 20 ms; the default is Whisper's 30 s
        """
        length = audio_ctx * N_SAMPLES_PER_TOKEN
        n_mels = self.network.dims.n_mels
        return torch.stack(
            [log_mel_spectrogram(pad_or_trim(audio, length), n_mels) for audio in audios]
        )

    def detect_from_features(self, features: Tensor) -> list[LanguageDetection]:
        """The language of each window of `features`, shape (windows, encoder frames, state).

        The caller holds the lock, in inference mode.
        """
        if not self.is_multilingual:
            return [LanguageDetection("en", {"en": 1.0})] * len(features)
        tokenizer = self.tokenizer()
        start = torch.full((len(features), 1), tokenizer.sot, device=self.network.device)
        prefill = self.network.prefill(start, self.network.cross(features))
        logits = self.network.logits(prefill.hidden[:, 0])
        codes = tokenizer.all_language_codes
        detections = []
        for row in logits[:, list(tokenizer.all_language_tokens)].softmax(-1).tolist():
            ranked = sorted(zip(codes, row, strict=True), key=lambda pair: -pair[1])
            detections.append(LanguageDetection(ranked[0][0], dict(ranked)))
        return detections

    def tokenizer(self, language: str | None = None, task: str = "transcribe") -> Tokenizer:
        """The model's tokenizer, set to a language and a task."""
        return get_tokenizer(
            self.is_multilingual,
            num_languages=self._num_languages,
            language=language if self.is_multilingual else None,
            task=task if self.is_multilingual else None,
        )


def _fingerprint(model: Whisper) -> str:
    """A digest of a sample of all weights; it tells models of the same name apart."""
    digest = hashlib.sha256()
    for parameter in model.parameters():
        sample = parameter.detach().flatten()[::_FINGERPRINT_STRIDE].float().cpu()
        digest.update(sample.numpy().tobytes())
    return digest.hexdigest()
