"""The clips of a run as the model takes them in, kept in the folder of the run.

Spectrograms are computed once, and a run goes on although its dataset is changed or deleted
meanwhile. Where the sound itself is changed each time, the sound is kept instead.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from whisper.audio import HOP_LENGTH, N_FFT, N_SAMPLES_PER_TOKEN, log_mel_spectrogram

from lab import audio
from lab.audio import SAMPLE_RATE, Samples, Waveform
from lab.core.errors import AudioError, WorkspaceError
from lab.core.progress import Progress
from lab.core.staging import Staging
from lab.dataset import Dataset, Entry
from lab.training.examples import MIN_CLIP_S, Examples, phrase
from lab.training.state import CLIPS

_INDEX = "index.json"
_INT16 = 32_767.0
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Clip:
    """What is known of a clip. start, length: where it lies in the file; frames or samples."""

    file_name: str
    text: str
    language: str
    duration_s: float
    start: int
    length: int


@dataclass(frozen=True, eq=False)
class Clips:
    """Clips in one file, mapped into memory: (frames, n_mels) float16, or (samples,) int16."""

    clips: tuple[Clip, ...]
    data: Array

    @property
    def holds_sound(self) -> bool:
        return self.data.ndim == 1

    def mel(self, number: int) -> npt.NDArray[np.float32]:
        """The log-mel spectrogram of a clip, shape (n_mels, frames)."""
        return np.ascontiguousarray(self._part(number).T, dtype=np.float32)

    def sound(self, number: int) -> Samples:
        """A clip at 16 kHz."""
        return self._part(number).astype(np.float32) / np.float32(_INT16)

    def waveform(self, number: int) -> Waveform:
        return Waveform(self.sound(number), SAMPLE_RATE)

    def _part(self, number: int) -> Array:
        clip = self.clips[number]
        return self.data[clip.start : clip.start + clip.length]


@dataclass(frozen=True, eq=False)
class Intake:
    """The clips to learn from, those to validate with, and what was left out and why."""

    train: Clips
    validation: Clips
    left_out: tuple[str, ...]

    def fingerprint(self) -> str:
        """Another one when a sound is another; sha256 in hexadecimal."""
        digest = hashlib.sha256()
        for clips in (self.train, self.validation):
            digest.update(clips.data.data)
        return digest.hexdigest()


def log_mel(samples: Samples, n_mels: int) -> npt.NDArray[np.float32]:
    """Whisper's spectrogram of a clip that silence follows, (n_mels, frames), an even number."""
    positions = -(-len(samples) // N_SAMPLES_PER_TOKEN)
    # One window more, so that the end is not mirrored.
    padded = np.zeros(positions * N_SAMPLES_PER_TOKEN + N_FFT, np.float32)
    padded[: len(samples)] = samples
    mel: npt.NDArray[np.float32] = log_mel_spectrogram(torch.from_numpy(padded), n_mels).numpy()
    return mel[:, : positions * N_SAMPLES_PER_TOKEN // HOP_LENGTH]


def is_there(run_dir: Path) -> bool:
    """Whether the clips of a run have been taken in."""
    return (run_dir / CLIPS / _INDEX).exists()


def remove(run_dir: Path) -> None:
    """Free the disk of the clips of a run."""
    shutil.rmtree(run_dir / CLIPS, ignore_errors=True)


def take_in(
    run_dir: Path,
    dataset: Dataset,
    examples: Examples,
    *,
    n_mels: int,
    keep_sound: bool,
    max_samples: int,
    why_not: Callable[[str, str], str | None],
    on_progress: Progress,
) -> None:
    """Decode all clips and keep them in the run, all or none.

    why_not: what keeps the model from learning a text in a language, such as “with too long a text”
    on_progress: called with clips; may raise `Cancelled`

    Raises WorkspaceError where the disk refuses, or where nothing can be read.
    """
    total = len(examples.train) + len(examples.validation)
    reasons: dict[str, int] = {}
    done = 0

    def opened(entries: Sequence[Entry]) -> Iterable[tuple[Entry, Samples]]:
        nonlocal done
        for entry in entries:
            on_progress(done, total, "Reading the clips")
            done += 1
            samples, reason = read(dataset, entry, max_samples, why_not)
            if samples is None:
                reasons[reason] = reasons.get(reason, 0) + 1
            else:
                yield entry, samples

    try:
        with Staging(run_dir) as folder:
            train = _write(folder / "train", opened(examples.train), None if keep_sound else n_mels)
            validation = _write(folder / "validation", opened(examples.validation), None)
            for split, clips in (("train", train), ("validation", validation)):
                if not clips:
                    raise none_of(split, reasons)
            index = {
                "n_mels": n_mels,
                "keep_sound": keep_sound,
                "left_out": [phrase(number, reason) for reason, number in reasons.items()],
                "train": [asdict(clip) for clip in train],
                "validation": [asdict(clip) for clip in validation],
            }
            text = json.dumps(index, ensure_ascii=False)
            (folder / _INDEX).write_text(text, encoding="utf-8")
            remove(run_dir)
            folder.rename(run_dir / CLIPS)
    except OSError as error:
        raise WorkspaceError(
            f"The clips cannot be kept in {run_dir} ({error.strerror or error}). "
            "Free some space and resume the run."
        ) from error


def open_intake(run_dir: Path) -> Intake:
    """The clips of a run; raises WorkspaceError where they are damaged."""
    folder = run_dir / CLIPS
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        train = tuple(Clip(**clip) for clip in index["train"])
        validation = tuple(Clip(**clip) for clip in index["validation"])
        width = None if index["keep_sound"] else index["n_mels"]
        return Intake(
            Clips(train, _mapped(folder / "train", width)),
            Clips(validation, _mapped(folder / "validation", None)),
            tuple(index["left_out"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(
            f"The clips of the run in {folder} are damaged ({error}). Begin a new run."
        ) from error


def none_of(split: str, reasons: Mapping[str, int]) -> WorkspaceError:
    """What to raise where no clip of a split can be used. reasons: with how many clips each has"""
    why = "; ".join(phrase(number, reason) for reason, number in reasons.items())
    return WorkspaceError(
        f"No clip of the split “{split}” can be used: {why or 'there is none'}. "
        "Look at the dataset, or begin a new run."
    )


def hindrance(
    dataset: Dataset, entry: Entry, why_not: Callable[[str, str], str | None]
) -> str | None:
    """What keeps the model from learning a clip, a phrase; None if nothing, as far as is known
    before its sound is read. why_not: as for `take_in`
    """
    if reason := why_not(entry.transcription, entry.language):
        return reason
    return None if dataset.audio_path(entry).is_file() else "whose sound is missing"


def read(
    dataset: Dataset, entry: Entry, max_samples: int, why_not: Callable[[str, str], str | None]
) -> tuple[Samples | None, str]:
    """The sound of a clip at 16 kHz, or None and a phrase that says why it is left out.

    why_not: as for `take_in`
    """
    if reason := hindrance(dataset, entry, why_not):
        if not dataset.folder.is_dir():
            raise WorkspaceError(
                f"The dataset {dataset.name} was deleted while its clips were read. "
                "Begin a new run with another one."
            )
        return None, reason
    try:
        samples = audio.decode(dataset.audio_path(entry)).samples
    except AudioError:
        return None, "whose sound cannot be read"
    if len(samples) > max_samples:
        return None, f"longer than {max_samples / SAMPLE_RATE:g} s"
    if len(samples) < MIN_CLIP_S * SAMPLE_RATE:
        return None, f"shorter than {MIN_CLIP_S:g} s"
    return samples, ""


def _write(path: Path, clips: Iterable[tuple[Entry, Samples]], n_mels: int | None) -> list[Clip]:
    """Put clips into one file behind each other, as spectrograms unless `n_mels` is None."""
    written, start = [], 0
    with path.open("xb") as file:
        for entry, samples in clips:
            if n_mels is None:
                data: Array = np.round(np.clip(samples, -1, 1) * _INT16).astype("<i2")
            else:
                data = np.ascontiguousarray(log_mel(samples, n_mels).T, dtype="<f2")
            file.write(data.tobytes())
            duration_s = len(samples) / SAMPLE_RATE
            text = " ".join(entry.transcription.split())
            written.append(
                Clip(entry.file_name, text, entry.language, duration_s, start, len(data))
            )
            start += len(data)
    return written


def _mapped(path: Path, n_mels: int | None) -> Array:
    if n_mels is None:
        return np.memmap(path, "<i2", mode="r")
    return np.memmap(path, "<f2", mode="r").reshape(-1, n_mels)
