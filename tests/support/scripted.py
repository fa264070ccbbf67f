"""A decoder with scripted results, to test what the recognizer does with them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Tensor
from whisper.audio import N_SAMPLES_PER_TOKEN

from lab.asr import recognition
from lab.asr.decoding import DecodedWindow
from lab.asr.engine import Engine
from lab.asr.recognition import WindowState
from lab.asr.speech import Samples


@dataclass(frozen=True)
class DecodingCall:
    """A window that was given to the decoder, by its start, and how to decode it."""

    start_s: float
    temperature: float
    audio_ctx: int
    max_tokens: int | None = field(compare=False, default=None)


@dataclass
class Script:
    """Replaces the decoder and the encoder of an engine.

    result: the decoding result of a window
    n_steps: how many steps the decoding of a window takes
    """

    engine: Engine
    result: Callable[[WindowState], DecodedWindow]
    n_steps: Callable[[WindowState], int] = lambda _state: 1
    calls: list[DecodingCall] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    tokenizers: list[Any] = field(default_factory=list)
    done: list[WindowState] = field(default_factory=list)
    steps: int = 0

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(recognition, "Decoder", self._decoder)
        monkeypatch.setattr(self.engine.network, "encode", self._encode)
        monkeypatch.setattr(self.engine, "log_mels", self._log_mels)

    def _decoder(self, _network: object, tokenizer: object, **options: Any) -> "ScriptedDecoder":
        self.options = options
        self.tokenizers.append(tokenizer)
        return ScriptedDecoder(self, options["capacity"])

    def _log_mels(self, audios: Sequence[Samples], *, audio_ctx: int = 1500) -> Tensor:
        assert all(len(audio) <= audio_ctx * N_SAMPLES_PER_TOKEN for audio in audios)
        return torch.zeros(len(audios), 1, 2 * audio_ctx)

    def _encode(self, mel: Tensor) -> Tensor:
        assert self.engine.lock.locked()
        state = self.engine.network.dims.n_audio_state
        return torch.zeros(len(mel), mel.shape[-1] // 2, state)


class ScriptedDecoder:
    """The part of `Decoder` that `Recognizer` uses."""

    def __init__(self, script: Script, capacity: int) -> None:
        self._script, self._capacity = script, capacity
        self._steps_left: dict[WindowState, int] = {}
        self._results: dict[WindowState, DecodedWindow] = {}

    @property
    def free_slots(self) -> int:
        return self._capacity - len(self._steps_left)

    @property
    def tags(self) -> list[WindowState]:
        return [*self._steps_left]

    def add(
        self,
        features: Tensor,
        tags: Sequence[WindowState],
        temperatures: Sequence[float],
        *,
        max_tokens: int | None = None,
    ) -> None:
        assert self._script.engine.lock.locked()
        assert len(tags) <= self.free_slots
        for window, state, temperature in zip(features, tags, temperatures, strict=True):
            assert state.remaining is not None
            call = DecodingCall(state.remaining.start_s, temperature, len(window), max_tokens)
            self._script.calls.append(call)
            self._results[state] = replace(self._script.result(state), temperature=temperature)
            self._steps_left[state] = self._script.n_steps(state)

    def step(self) -> list[tuple[WindowState, DecodedWindow]]:
        assert self._script.engine.lock.locked()
        self._script.steps += 1
        steps_left = {state: left - 1 for state, left in self._steps_left.items()}
        done = [state for state, left in steps_left.items() if left == 0]
        self._script.done += done
        self._steps_left = {state: left for state, left in steps_left.items() if left}
        return [(state, self._results.pop(state)) for state in done]
