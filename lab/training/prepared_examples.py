"""The clips of a run, decoded and ready for training, stored in the folder of the run.

Spectrograms are computed once, and a run can be resumed although its dataset has been changed or
deleted. If augmentation changes the waveforms, the waveforms are stored instead.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from whisper.audio import HOP_LENGTH, N_FFT, N_SAMPLES_PER_TOKEN, log_mel_spectrogram
from whisper.model import ModelDimensions

from lab import audio
from lab.audio import SAMPLE_RATE, Samples
from lab.core.errors import AudioError, WorkspaceError, disk_errors
from lab.core.progress import Progress
from lab.core.renamed_keys import current_names
from lab.core.staging import Staging
from lab.core.workspace import remove
from lab.dataset import Dataset, DatasetClip
from lab.training.batching import Collator
from lab.training.config import Config
from lab.training.examples import MIN_CLIP_S, Examples, count_phrases

_INDEX = "index.json"
_INT16_MAX = 32_767.0
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class TrainingClip:
    """A clip. start, length: its place in the file of its split, in frames or samples"""

    file_name: str
    text: str
    language: str
    duration_s: float
    start: int
    length: int


@dataclass(frozen=True, eq=False)
class TrainingClips:
    """The clips of a split.

    data: memory-mapped spectrograms (frames, n_mels), float16, or waveforms (samples,), int16
    """

    clips: tuple[TrainingClip, ...]
    data: Array

    @property
    def are_waveforms(self) -> bool:
        return self.data.ndim == 1

    def mel(self, index: int) -> npt.NDArray[np.float32]:
        """The log-mel spectrogram of a clip, shape (n_mels, frames)."""
        return np.ascontiguousarray(self._slice(index).T, dtype=np.float32)

    def samples(self, index: int) -> Samples:
        """The samples of a clip at 16 kHz."""
        return self._slice(index).astype(np.float32) / np.float32(_INT16_MAX)

    def _slice(self, index: int) -> Array:
        clip = self.clips[index]
        return self.data[clip.start : clip.start + clip.length]


@dataclass(frozen=True, eq=False)
class PreparedExamples:
    """The clips of a run. left_out: phrases such as “2 clips longer than 30 s”"""

    train: TrainingClips
    validation: TrainingClips
    left_out: tuple[str, ...]

    def fingerprint(self) -> str:
        """SHA-256 of the audio of all clips, in hexadecimal."""
        digest = hashlib.sha256()
        for clips in (self.train, self.validation):
            digest.update(clips.data.data)
        return digest.hexdigest()


class PreparationOptions:
    """What a model and the settings of its training require of the clips.

    keep_audio: store waveforms instead of spectrograms
    max_samples: longer clips are left out, in samples at 16 kHz
    """

    def __init__(self, config: Config, dims: ModelDimensions) -> None:
        self.n_mels = dims.n_mels
        self.keep_audio = config.augmentation.alters_audio
        self.max_samples = min(config.max_audio_samples, N_SAMPLES_PER_TOKEN * dims.n_audio_ctx)
        collator = Collator(dims, max_tokens=config.max_tokens)
        self.text_rejection_reason = collator.text_rejection_reason


def log_mel(samples: Samples, n_mels: int) -> npt.NDArray[np.float32]:
    """Whisper's log-mel spectrogram of a clip and silence, (n_mels, an even number of frames)."""
    n_tokens = -(-len(samples) // N_SAMPLES_PER_TOKEN)
    # One more window, so that the end is not padded by reflection.
    padded = np.zeros(n_tokens * N_SAMPLES_PER_TOKEN + N_FFT, np.float32)
    padded[: len(samples)] = samples
    mel: npt.NDArray[np.float32] = log_mel_spectrogram(torch.from_numpy(padded), n_mels).numpy()
    return mel[:, : n_tokens * N_SAMPLES_PER_TOKEN // HOP_LENGTH]


def is_prepared(folder: Path) -> bool:
    """Whether `folder` contains prepared examples."""
    return (folder / _INDEX).exists()


def prepare(
    folder: Path,
    dataset: Dataset,
    examples: Examples,
    options: PreparationOptions,
    *,
    on_progress: Progress,
) -> PreparedExamples:
    """Decode all examples and store them in `folder`, all or none.

    on_progress: called for each clip; may raise `Cancelled`

    Raises WorkspaceError if writing fails, or if no clip of a split can be used.
    """
    total = len(examples.train) + len(examples.validation)
    rejected: Counter[str] = Counter()
    done = 0

    def decoded(clips: Sequence[DatasetClip]) -> Iterator[tuple[DatasetClip, Samples]]:
        nonlocal done
        for clip in clips:
            on_progress(done, total, "Reading the clips")
            done += 1
            samples = read_clip(dataset, clip, options)
            if isinstance(samples, str):
                rejected[samples] += 1
            else:
                yield clip, samples

    with (
        disk_errors(folder, "Free some space and resume the run."),
        Staging(folder.parent) as staging,
    ):
        n_mels = None if options.keep_audio else options.n_mels
        splits = {
            "train": _write(staging / "train", decoded(examples.train), n_mels),
            "validation": _write(staging / "validation", decoded(examples.validation), None),
        }
        for split, clips in splits.items():
            if not clips:
                raise no_usable_clips(split, rejected)
        index = {
            "n_mels": options.n_mels,
            "keep_audio": options.keep_audio,
            "left_out": count_phrases(rejected),
            **{split: [asdict(clip) for clip in clips] for split, clips in splits.items()},
        }
        text = json.dumps(index, ensure_ascii=False)
        (staging / _INDEX).write_text(text, encoding="utf-8")
        remove(folder)
        staging.rename(folder)
    return load_prepared(folder)


def load_prepared(folder: Path) -> PreparedExamples:
    """Open what `prepare` stored; raises WorkspaceError if it is damaged."""
    try:
        content = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        index = current_names("clips/index.json", content)
        n_mels = None if index["keep_audio"] else index["n_mels"]
        train = _open(folder / "train", index["train"], n_mels)
        validation = _open(folder / "validation", index["validation"], None)
        return PreparedExamples(train, validation, tuple(index["left_out"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkspaceError(
            f"The clips of the run in {folder} are damaged ({error}). Start a new run."
        ) from error


def no_usable_clips(split: str, rejected: Mapping[str, int]) -> WorkspaceError:
    """The error for a split without usable clips. rejected: number of clips by reason"""
    why = "; ".join(count_phrases(rejected)) or "it is empty"
    return WorkspaceError(
        f"No clip of the split “{split}” can be used: {why}. Check the dataset, or start a run "
        "with another one."
    )


def rejection_reason(
    dataset: Dataset, clip: DatasetClip, options: PreparationOptions
) -> str | None:
    """Why a clip cannot be used, as a phrase, judging by its text and its file's existence."""
    if reason := options.text_rejection_reason(clip.transcription, clip.language):
        return reason
    return None if dataset.audio_path(clip).is_file() else "whose audio file is missing"


def read_clip(dataset: Dataset, clip: DatasetClip, options: PreparationOptions) -> Samples | str:
    """The samples of a clip at 16 kHz, or why it cannot be used, as a phrase.

    Raises WorkspaceError if the dataset has been deleted.
    """
    if reason := rejection_reason(dataset, clip, options):
        if not dataset.folder.is_dir():
            raise WorkspaceError(
                f"The dataset {dataset.name} was deleted while its clips were being read. "
                "Start a new run with another one."
            )
        return reason
    try:
        samples = audio.decode(dataset.audio_path(clip)).samples
    except AudioError:
        return "whose audio cannot be read"
    if len(samples) > options.max_samples:
        return f"longer than {options.max_samples / SAMPLE_RATE:g} s"
    if len(samples) < MIN_CLIP_S * SAMPLE_RATE:
        return f"shorter than {MIN_CLIP_S:g} s"
    return samples


def _write(
    path: Path, clips: Iterable[tuple[DatasetClip, Samples]], n_mels: int | None
) -> list[TrainingClip]:
    """Concatenate clips in one file, as spectrograms unless `n_mels` is None."""
    written: list[TrainingClip] = []
    start = 0
    with path.open("xb") as file:
        for clip, samples in clips:
            if n_mels is None:
                data: Array = np.round(np.clip(samples, -1, 1) * _INT16_MAX).astype("<i2")
            else:
                data = np.ascontiguousarray(log_mel(samples, n_mels).T, dtype="<f2")
            file.write(data.tobytes())
            text, duration_s = " ".join(clip.transcription.split()), len(samples) / SAMPLE_RATE
            written.append(
                TrainingClip(clip.file_name, text, clip.language, duration_s, start, len(data))
            )
            start += len(data)
    return written


def _open(path: Path, clips: list[dict[str, Any]], n_mels: int | None) -> TrainingClips:
    """Map the file that `_write` wrote into memory."""
    data: Array = np.memmap(path, "<i2" if n_mels is None else "<f2", mode="r")
    data = data if n_mels is None else data.reshape(-1, n_mels)
    return TrainingClips(tuple(TrainingClip(**clip) for clip in clips), data)
