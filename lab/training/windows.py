"""From clips and their texts to what a training step computes on.

A window is what the encoder hears at once: a clip with a little silence after it, or, as in the
recordings that Whisper will transcribe, several clips one after the other and silence up to 30 s.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from whisper.audio import FRAMES_PER_SECOND
from whisper.model import ModelDimensions
from whisper.tokenizer import LANGUAGES, Tokenizer, get_tokenizer

from lab.asr.rules import SECONDS_PER_TIMESTAMP

IGNORED = -100  # a target that counts for nothing; what torch's cross entropy takes for it
FRAMES_PER_POSITION = 2
# Below the loudest of a window Whisper's spectrograms end: 8 in log10, a quarter of it scaled.
_RANGE = 2.0
# Silence after a clip at its own length.
_MARGIN_FRAMES = 50
# Lengths are multiples of these: for every new shape oneDNN makes, and keeps, its own programs.
_STEP_FRAMES, _STEP_TOKENS = 50, 8
_LONGEST_GAP_FRAMES = 100
# Tokens beside the text: start, language, task, two times and the end.
_AROUND = 6
# What may be one of Whisper's own tokens, written out, such as <|0.00|> or <|endoftext|>.
_MARK = re.compile(r"<\|[^<|]*\|>")

Mel = npt.NDArray[np.float32]


class Batch(NamedTuple):
    """What a step computes on.

    mels: (windows, n_mels, frames)
    tokens: (windows, tokens) that the decoder reads
    targets: (windows, tokens) that it is to predict, `IGNORED` where nothing is
    n_clips: how many clips are in it
    """

    mels: Tensor
    tokens: Tensor
    targets: Tensor
    n_clips: int


@dataclass(frozen=True, eq=False)
class Spoken:
    """A clip to learn. mel: shape (n_mels, frames), an even number of frames."""

    mel: Mel
    text: str
    language: str

    @property
    def n_frames(self) -> int:
        return int(self.mel.shape[1])


class Windows:
    """Puts clips and texts together for models with some dimensions."""

    def __init__(self, dims: ModelDimensions, *, max_tokens: int) -> None:
        """max_tokens: of a text; fewer if the model can write fewer"""
        self.n_mels: int = dims.n_mels
        self._is_multilingual = dims.n_vocab >= 51_865
        self._num_languages = dims.n_vocab - 51_765 - int(self._is_multilingual)
        self._full_frames = FRAMES_PER_POSITION * dims.n_audio_ctx
        # Decoding stops at half of the text's context.
        self._max_text_tokens: int = dims.n_text_ctx // 2 - _AROUND
        self.max_tokens: int = min(max_tokens, self._max_text_tokens)
        self._tokenizers: dict[str, Tokenizer] = {}

    def why_not(self, text: str, language: str) -> str | None:
        """What keeps the model from learning a text, as a phrase after “clips”; None if nothing."""
        if self._is_multilingual and language not in [*LANGUAGES][: self._num_languages]:
            return "in a language that the model does not know"
        if not self._tokenizer(language).special_tokens.keys().isdisjoint(_MARK.findall(text)):
            return "with Whisper's own marks in the text"  # it would learn to spell them
        if len(self._text_tokens(language, text)) > self.max_tokens:
            return "with too long a text"
        return None

    def batch(
        self,
        clips: Sequence[Spoken],
        *,
        full: bool = False,
        timestamp_share: float = 0.0,
        rng: np.random.Generator,
    ) -> Batch:
        """The windows of some clips.

        full: at Whisper's whole context; otherwise each clip has a window of its own, little longer
            than the longest of them
        timestamp_share: share of the windows with times in the text
        """
        if full:
            groups = self._grouped(clips, rng)
            n_frames = self._full_frames
        else:
            groups = [[clip] for clip in clips]
            longest = max(clip.n_frames for clip in clips) + _MARGIN_FRAMES
            n_frames = min(-(-longest // _STEP_FRAMES) * _STEP_FRAMES, self._full_frames)
        mels, texts = [], []
        for group in groups:
            starts = self._starts(group, n_frames, rng)
            mels.append(_joined(group, starts, n_frames))
            with_times = rng.random() < timestamp_share
            texts.append(self._tokens(group, starts, with_times=with_times))
        tokens, targets = _padded(texts)
        return Batch(torch.from_numpy(np.stack(mels)), tokens, targets, len(clips))

    def _grouped(self, clips: Sequence[Spoken], rng: np.random.Generator) -> list[list[Spoken]]:
        """Clips that share a window: as many as fit into a part of it, left to chance."""
        groups: list[list[Spoken]] = []
        room_frames = room_tokens = 0.0
        # Chance may waste a window, not more: each costs as much as many clips.
        needed_at_least = sum(clip.n_frames for clip in clips) / self._full_frames
        for place in rng.permutation(len(clips)):
            clip = clips[place]
            n_tokens = len(self._text_tokens(clip.language, clip.text)) + 2
            needed = clip.n_frames + _LONGEST_GAP_FRAMES
            fits = needed <= room_frames and n_tokens <= room_tokens
            if not groups or not fits or groups[-1][0].language != clip.language:
                groups.append([])
                is_late = len(groups) > needed_at_least
                room_frames = self._full_frames * (1.0 if is_late else rng.random())
                room_tokens = self._max_text_tokens
            groups[-1].append(clip)
            room_frames -= needed
            room_tokens -= n_tokens
        return groups

    def _starts(
        self, group: Sequence[Spoken], n_frames: int, rng: np.random.Generator
    ) -> list[int]:
        """Where each clip of a window begins: even frames, with pauses left to chance between."""
        starts, free = [], 0
        spare = n_frames - sum(clip.n_frames for clip in group)
        for number, clip in enumerate(group):
            gap = int(rng.integers(0, min(_LONGEST_GAP_FRAMES, spare) // 2 + 1)) * 2
            gap = gap if number else 0
            spare -= gap
            starts.append(free + gap)
            free = starts[-1] + clip.n_frames
        return starts

    def _tokens(
        self, group: Sequence[Spoken], starts: Sequence[int], *, with_times: bool
    ) -> tuple[list[int], int]:
        """All tokens of a window, and how many of them are given and not to be learned."""
        language = group[0].language
        tokenizer = self._tokenizer(language)
        tokens = list(tokenizer.sot_sequence)
        n_given = len(tokens)
        if not with_times:
            tokens.append(tokenizer.no_timestamps)
            n_given += 1
        for clip, start in zip(group, starts, strict=True):
            text = self._text_tokens(language, clip.text)
            if with_times:
                end = min(start + clip.n_frames, self._full_frames)
                text = [_time(tokenizer, start), *text, _time(tokenizer, end)]
            tokens += text
        return [*tokens, tokenizer.eot], n_given

    def _text_tokens(self, language: str, text: str) -> list[int]:
        # Without `disallowed_special` a text with a mark in it would raise ValueError.
        tokenizer = self._tokenizer(language)
        encoded: list[int] = tokenizer.encode(" " + text.strip(), disallowed_special=())
        return encoded

    def _tokenizer(self, language: str) -> Tokenizer:
        if language not in self._tokenizers:
            self._tokenizers[language] = get_tokenizer(
                self._is_multilingual,
                num_languages=self._num_languages,
                language=language if self._is_multilingual else None,
                task="transcribe" if self._is_multilingual else None,
            )
        return self._tokenizers[language]


def _time(tokenizer: Tokenizer, frame: int) -> int:
    steps = round(frame / FRAMES_PER_SECOND / SECONDS_PER_TIMESTAMP)
    token: int = tokenizer.timestamp_begin + steps
    return token


def _joined(group: Sequence[Spoken], starts: Sequence[int], n_frames: int) -> Mel:
    """The spectrogram of a window, as if its clips had been one recording with silence."""
    silence = max(clip.mel.max() for clip in group) - np.float32(_RANGE)
    window = np.full((group[0].mel.shape[0], n_frames), silence, np.float32)
    for clip, start in zip(group, starts, strict=True):
        part = window[:, start : start + clip.n_frames]
        np.maximum(part, clip.mel[:, : part.shape[1]], out=part)
    return window


def _padded(texts: Sequence[tuple[list[int], int]]) -> tuple[Tensor, Tensor]:
    longest = max(len(tokens) for tokens, _ in texts) - 1
    longest = -(-longest // _STEP_TOKENS) * _STEP_TOKENS
    read = torch.zeros((len(texts), longest), dtype=torch.long)
    targets = torch.full((len(texts), longest), IGNORED)
    for row, (tokens, n_given) in enumerate(texts):
        read[row, : len(tokens) - 1] = torch.tensor(tokens[:-1])
        targets[row, n_given - 1 : len(tokens) - 1] = torch.tensor(tokens[n_given:])
    return read, targets
