"""Turns clips and their texts into the batches that a training step computes on.

A window is what the encoder processes at once: one clip followed by a little silence, or, as in the
long recordings that Whisper will transcribe, several clips in a row and silence up to 30 s.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from whisper.model import ModelDimensions
from whisper.tokenizer import LANGUAGES, Tokenizer, get_tokenizer

IGNORED = -100  # targets without a loss; the default ignore_index of torch's cross entropy
_MEL_FRAMES_PER_ENCODER_FRAME = 2
# Whisper clips its log-mel spectrograms 8 (in log10) below their maximum and divides them by 4.
_DYNAMIC_RANGE = 2.0
# Silence after a clip at its own length.
_MARGIN_FRAMES = 50
# Lengths are rounded up to multiples: oneDNN compiles and caches a program for every new shape.
_STEP_FRAMES, _STEP_TOKENS = 50, 8
_MAX_GAP_FRAMES = 100
# Tokens besides the text: start, language, task, two timestamps and the end.
_N_SPECIAL_TOKENS = 6
# Text that may spell a special token, such as <|0.00|> or <|endoftext|>.
_SPECIAL_TOKEN = re.compile(r"<\|[^<|]*\|>")

Mel = npt.NDArray[np.float32]


class Batch(NamedTuple):
    """A batch of windows.

    mels: log-mel spectrograms, shape (windows, n_mels, frames)
    tokens: input of the decoder, shape (windows, tokens)
    targets: the tokens to predict, shape (windows, tokens); `IGNORED` where there are none
    n_clips: number of clips in the batch
    """

    mels: Tensor
    tokens: Tensor
    targets: Tensor
    n_clips: int


@dataclass(frozen=True, eq=False)
class LabeledMel:
    """A clip to train on. mel: shape (n_mels, frames), with an even number of frames"""

    mel: Mel
    text: str
    language: str

    @property
    def n_frames(self) -> int:
        return int(self.mel.shape[1])


class Collator:
    """Collates clips into batches for a model."""

    def __init__(self, dims: ModelDimensions, *, max_tokens: int) -> None:
        """max_tokens: limit for the tokens of a text, capped by what the model can generate"""
        self._is_multilingual = dims.n_vocab >= 51_865
        self._num_languages = dims.n_vocab - 51_765 - int(self._is_multilingual)
        self._full_frames = _MEL_FRAMES_PER_ENCODER_FRAME * dims.n_audio_ctx
        # Decoding stops at half of the text context.
        self._max_window_tokens: int = dims.n_text_ctx // 2 - _N_SPECIAL_TOKENS
        self._max_text_tokens: int = min(max_tokens, self._max_window_tokens)
        self._tokenizers: dict[str, Tokenizer] = {}

    def text_rejection_reason(self, text: str, language: str) -> str | None:
        """Why the model cannot be trained on a text, as a phrase after “clips”; None if it can."""
        if self._is_multilingual and language not in [*LANGUAGES][: self._num_languages]:
            return "in a language that the model does not support"
        special_tokens = self._tokenizer(language).special_tokens
        if not special_tokens.keys().isdisjoint(_SPECIAL_TOKEN.findall(text)):
            return "with special tokens in the text"  # the model would learn to spell them out
        if len(self._encode(language, text)) > self._max_text_tokens:
            return "with too long a text"
        return None

    def collate(
        self,
        clips: Sequence[LabeledMel],
        *,
        long_form: bool = False,
        timestamp_ratio: float = 0.0,
        rng: np.random.Generator,
    ) -> Batch:
        """Make a batch of some clips.

        long_form: join clips in windows of Whisper's full audio context; otherwise each clip has
            its own window, a little longer than the longest clip
        timestamp_ratio: fraction of the windows with timestamps, 0 to 1
        """
        if long_form:
            groups = self._group(clips, rng)
            n_frames = self._full_frames
        else:
            groups = [[clip] for clip in clips]
            longest = max(clip.n_frames for clip in clips) + _MARGIN_FRAMES
            n_frames = min(-(-longest // _STEP_FRAMES) * _STEP_FRAMES, self._full_frames)
        mels, token_lists = [], []
        for group in groups:
            starts = _place(group, n_frames, rng)
            mels.append(_join(group, starts, n_frames))
            with_timestamps = rng.random() < timestamp_ratio
            token_lists.append(self._tokens(group, starts, with_timestamps=with_timestamps))
        tokens, targets = _pad(token_lists)
        return Batch(torch.from_numpy(np.stack(mels)), tokens, targets, len(clips))

    def _group(
        self, clips: Sequence[LabeledMel], rng: np.random.Generator
    ) -> list[list[LabeledMel]]:
        """Assign clips to windows at random, each filled up to a random part of its length."""
        groups: list[list[LabeledMel]] = []
        free_frames = free_tokens = 0.0
        # Randomness may cost one window, no more: each costs as much as many clips.
        min_windows = sum(clip.n_frames for clip in clips) / self._full_frames
        for index in rng.permutation(len(clips)):
            clip = clips[index]
            n_tokens = len(self._encode(clip.language, clip.text)) + 2
            n_frames = clip.n_frames + _MAX_GAP_FRAMES
            fits = n_frames <= free_frames and n_tokens <= free_tokens
            if not groups or not fits or groups[-1][0].language != clip.language:
                groups.append([])
                fills_window = len(groups) > min_windows
                free_frames = self._full_frames * (1.0 if fills_window else rng.random())
                free_tokens = self._max_window_tokens
            groups[-1].append(clip)
            free_frames -= n_frames
            free_tokens -= n_tokens
        return groups

    def _tokens(
        self, group: Sequence[LabeledMel], starts: Sequence[int], *, with_timestamps: bool
    ) -> tuple[list[int], int]:
        """All tokens of a window, and the length of the prompt, which is not a target."""
        language = group[0].language
        tokenizer = self._tokenizer(language)
        tokens = list(tokenizer.sot_sequence)
        if not with_timestamps:
            tokens.append(tokenizer.no_timestamps)
        n_prompt = len(tokens)
        for clip, start in zip(group, starts, strict=True):
            text = self._encode(language, clip.text)
            if with_timestamps:
                end = min(start + clip.n_frames, self._full_frames)
                # A timestamp has the resolution of an encoder frame: 20 ms.
                first = tokenizer.timestamp_begin + start // _MEL_FRAMES_PER_ENCODER_FRAME
                last = tokenizer.timestamp_begin + end // _MEL_FRAMES_PER_ENCODER_FRAME
                text = [first, *text, last]
            tokens += text
        return [*tokens, tokenizer.eot], n_prompt

    def _encode(self, language: str, text: str) -> list[int]:
        # By default, a text that spells a special token raises ValueError.
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


def _place(group: Sequence[LabeledMel], n_frames: int, rng: np.random.Generator) -> list[int]:
    """Choose where each clip of a window starts: even frames, with random pauses in between."""
    starts, end = [], 0
    spare = n_frames - sum(clip.n_frames for clip in group)
    for index, clip in enumerate(group):
        gap = 2 * int(rng.integers(0, min(_MAX_GAP_FRAMES, spare) // 2 + 1))
        if index:
            spare -= gap
            end += gap
        starts.append(end)
        end += clip.n_frames
    return starts


def _join(group: Sequence[LabeledMel], starts: Sequence[int], n_frames: int) -> Mel:
    """The spectrogram of a window, as if its clips and the silence were one recording."""
    silence = max(clip.mel.max() for clip in group) - np.float32(_DYNAMIC_RANGE)
    window = np.full((group[0].mel.shape[0], n_frames), silence, np.float32)
    for clip, start in zip(group, starts, strict=True):
        part = window[:, start : start + clip.n_frames]
        np.maximum(part, clip.mel[:, : part.shape[1]], out=part)
    return window


def _pad(token_lists: Sequence[tuple[list[int], int]]) -> tuple[Tensor, Tensor]:
    """Decoder inputs and targets, padded to equal length."""
    length = max(len(tokens) for tokens, _ in token_lists) - 1
    length = -(-length // _STEP_TOKENS) * _STEP_TOKENS
    inputs = torch.zeros((len(token_lists), length), dtype=torch.long)
    targets = torch.full((len(token_lists), length), IGNORED)
    for row, (tokens, n_prompt) in enumerate(token_lists):
        inputs[row, : len(tokens) - 1] = torch.tensor(tokens[:-1])
        targets[row, n_prompt - 1 : len(tokens) - 1] = torch.tensor(tokens[n_prompt:])
    return inputs, targets
