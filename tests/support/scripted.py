"""A decoder that says what is laid down, to test what is done with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Tensor
from whisper.audio import N_SAMPLES_PER_TOKEN

from lab.asr import recognition
from lab.asr.decoding import Decoded
from lab.asr.engine import Engine
from lab.asr.recognition import Passage
from lab.asr.speech import Samples


@dataclass(frozen=True)
class Asked:
    """What a decoder was asked for: a window by its start, and how to decode it."""

    start_s: float
    temperature: float
    positions: int
    max_tokens: int | None = field(compare=False, default=None)


@dataclass
class Script:
    """Takes the place of `Decoder`, and of the encoder, of an engine.

    say: what the decoder makes of a passage; `takes`: after how many tokens
    """

    engine: Engine
    say: Callable[[Passage], Decoded]
    takes: Callable[[Passage], int] = lambda _passage: 1
    asked: list[Asked] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    tokenizers: list[Any] = field(default_factory=list)
    ended: list[Passage] = field(default_factory=list)
    steps: int = 0

    def play(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(recognition, "Decoder", self._decoder)
        monkeypatch.setattr(self.engine.network, "encode", self._encode)
        monkeypatch.setattr(self.engine, "log_mels", self._log_mels)

    def _decoder(self, _network: object, tokenizer: object, **options: Any) -> "ScriptedDecoder":
        self.options = options
        self.tokenizers.append(tokenizer)
        return ScriptedDecoder(self, options["capacity"])

    def _log_mels(self, audios: Sequence[Samples], *, positions: int = 1500) -> Tensor:
        assert all(len(audio) <= positions * N_SAMPLES_PER_TOKEN for audio in audios)
        return torch.zeros(len(audios), 1, 2 * positions)

    def _encode(self, mel: Tensor) -> Tensor:
        assert self.engine.lock.locked()
        state = self.engine.network.dims.n_audio_state
        return torch.zeros(len(mel), mel.shape[-1] // 2, state)


class ScriptedDecoder:
    """`Decoder` as far as `Recognizer` knows it."""

    def __init__(self, script: Script, capacity: int) -> None:
        self._script, self._capacity = script, capacity
        self._left: dict[Passage, int] = {}  # tokens
        self._results: dict[Passage, Decoded] = {}

    @property
    def free(self) -> int:
        return self._capacity - len(self._left)

    @property
    def tags(self) -> list[Passage]:
        return [*self._left]

    def admit(
        self,
        features: Tensor,
        tags: Sequence[Passage],
        temperatures: Sequence[float],
        *,
        max_tokens: int | None = None,
    ) -> None:
        assert self._script.engine.lock.locked()
        assert len(tags) <= self.free
        for window, passage, temperature in zip(features, tags, temperatures, strict=True):
            assert passage.left is not None
            asked = Asked(passage.left.start_s, temperature, len(window), max_tokens)
            self._script.asked.append(asked)
            result = replace(self._script.say(passage), temperature=temperature)
            self._results[passage] = result
            self._left[passage] = self._script.takes(passage)

    def advance(self) -> list[tuple[Passage, Decoded]]:
        assert self._script.engine.lock.locked()
        self._script.steps += 1
        self._left = {passage: left - 1 for passage, left in self._left.items()}
        done = [passage for passage, left in self._left.items() if left == 0]
        self._script.ended += done
        self._left = {passage: left for passage, left in self._left.items() if left}
        return [(passage, self._results.pop(passage)) for passage in done]
