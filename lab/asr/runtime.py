"""A Whisper model on a device with what every use of it shares: lock, tokenizer, spectrograms."""

import hashlib
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from whisper.audio import N_SAMPLES_PER_TOKEN, log_mel_spectrogram, pad_or_trim
from whisper.tokenizer import Tokenizer, get_tokenizer

from lab.asr.devices import Device, best_device
from lab.asr.network import Network
from lab.asr.options import LanguageDetection
from lab.asr.speech import Samples
from lab.core.languages import LANGUAGES

if TYPE_CHECKING:
    from whisper.model import Whisper

# Training changes every weight of a layer; this one shares no factor with the width of any layer.
_FINGERPRINT_STRIDE = 997


class Runtime:
    """A Whisper model on a device. Threads may share it: each step of work takes the lock.

    The model belongs to the runtime and is never trained or changed; to train, load another.
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

    def detect(self, features: Tensor) -> list[LanguageDetection]:
        """The languages of windows, from their features, shape (windows, positions, state).

        The caller holds the lock, in inference mode.
        """
        if not self.is_multilingual:
            return [LanguageDetection("en", {"en": 1.0})] * len(features)
        tokenizer = self.tokenizer()
        start = torch.full((len(features), 1), tokenizer.sot, device=self.network.device)
        prefill = self.network.prefill(start, self.network.cross(features))
        logits = self.network.logits(prefill.hidden[:, 0])
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


def _fingerprint(model: "Whisper") -> str:
    """Tells models of the same name apart: a digest of every thousandth weight or so."""
    digest = hashlib.sha256()
    for parameter in model.parameters():
        sample = parameter.detach().flatten()[::_FINGERPRINT_STRIDE].float().cpu()
        digest.update(sample.numpy().tobytes())
    return digest.hexdigest()
