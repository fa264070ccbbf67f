"""Preparations: prepared recordings and their clips, kept in the workspace for review.

prepared/20261123-101500-123456/
    recipe.yaml         how the recordings were prepared
    whole-0001.wav      a recording after all steps but the splitting
    preparation.json    recordings, failures, and clips: start, end, whether kept

Clips are ranges of whole recordings, so `lab.preprocess.clip_edits` can move their boundaries.
"""

import wave
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from lab.audio import AudioInfo, Samples, wav
from lab.audio.quality import AudioMetrics, MeasuredClip, measure
from lab.core.errors import WorkspaceError
from lab.core.renamed_keys import current_names
from lab.core.workspace import Workspace, id_time, item_path, new_id, read_json, remove, write_json
from lab.preprocess.batch import FailedFile
from lab.preprocess.export import RECIPE_NAME, unique_stem, write_recipe, write_wav
from lab.preprocess.pipeline import PreparedAudio
from lab.preprocess.recipe import Recipe

_FILE = "preparation.json"


@dataclass(frozen=True)
class PreparedRecording:
    """A recording after all steps but the splitting.

    recording_id, name: of the source recording
    stem: start of the file names of its clips
    start_s: seconds trimmed from the beginning
    """

    recording_id: str
    name: str
    stem: str
    file: str
    sample_rate: int
    bits: int
    channels: int
    n_samples: int
    start_s: float
    warnings: tuple[str, ...]

    def time_s(self, sample: int) -> float:
        """Return the time of a sample in the source recording."""
        return self.start_s + sample / self.sample_rate


@dataclass(frozen=True)
class ClipSpan:
    """A clip: samples `start` to `end` of the recording at `recording_index`."""

    recording_index: int
    start: int
    end: int
    metrics: AudioMetrics
    kept: bool = True


@dataclass(frozen=True)
class Preparation:
    """Prepared recordings with their clips in order."""

    id: str
    folder: Path
    recordings: tuple[PreparedRecording, ...] = ()
    failures: tuple[FailedFile, ...] = ()
    clips: tuple[ClipSpan, ...] = ()

    @property
    def created_at(self) -> datetime:
        return id_time(self.id)

    @property
    def recipe(self) -> Recipe:
        """How the recordings were prepared; raises LabError if the file is damaged."""
        return Recipe.from_yaml((self.folder / RECIPE_NAME).read_text(encoding="utf-8"))

    @property
    def kept(self) -> list[ClipSpan]:
        return [clip for clip in self.clips if clip.kept]

    def duration_s(self, clip: ClipSpan) -> float:
        return (clip.end - clip.start) / self.recordings[clip.recording_index].sample_rate

    def times_s(self, clip: ClipSpan) -> tuple[float, float]:
        """Return the start and end of a clip in its source recording."""
        recording = self.recordings[clip.recording_index]
        return recording.time_s(clip.start), recording.time_s(clip.end)

    def samples(self, recording_index: int, start: int, end: int) -> Samples:
        """Read samples `start` to `end` of a recording: float32, shape (n,), or (channels, n).

        Raises WorkspaceError if the file is missing.
        """
        path = self.folder / self.recordings[recording_index].file
        try:
            return wav.read(path, start, end)
        except (OSError, EOFError, wave.Error) as error:
            raise WorkspaceError(
                f"{path} cannot be read: {error}. Prepare the recording again."
            ) from error

    def named_clips(self) -> Iterator[tuple[str, ClipSpan]]:
        """Yield the kept clips with their file names."""
        numbers = [0] * len(self.recordings)
        for clip in self.kept:
            index = clip.recording_index
            numbers[index] += 1
            yield f"{self.recordings[index].stem}-{numbers[index]:04d}.wav", clip

    def measured_clips(self) -> list[MeasuredClip]:
        """Return the kept clips as input for `lab.audio.quality.check_quality`."""
        measured = []
        for name, clip in self.named_clips():
            source, duration_s = self.recordings[clip.recording_index], self.duration_s(clip)
            codec, bits = f"pcm_s{source.bits}le", source.bits
            info = AudioInfo("wav", codec, source.sample_rate, source.channels, duration_s, bits)
            measured.append(MeasuredClip(name, info, clip.metrics))
        return measured


def create(workspace: Workspace, recipe: Recipe) -> Preparation:
    """Create an empty preparation, to which `add` adds recordings one by one."""
    preparation_id = new_id()
    folder = item_path(_folder(workspace), preparation_id)
    write_recipe(folder, recipe)
    return Preparation(preparation_id, folder)


def add(
    preparation: Preparation, prepared: PreparedAudio, *, recording_id: str, name: str
) -> Preparation:
    """Add a prepared recording.

    Raises WorkspaceError if the file cannot be written; then nothing is added.
    """
    samples, index = prepared.samples, len(preparation.recordings)
    recording = PreparedRecording(
        recording_id=recording_id,
        name=name,
        stem=unique_stem(name, {other.stem for other in preparation.recordings}),
        file=f"whole-{index + 1:04d}.wav",
        sample_rate=prepared.sample_rate,
        bits=prepared.bits,
        channels=1 if samples.ndim == 1 else len(samples),
        n_samples=samples.shape[-1],
        start_s=prepared.start_s,
        warnings=prepared.warnings,
    )
    path = preparation.folder / recording.file
    write_wav(path, samples, sample_rate=recording.sample_rate, bits=recording.bits)
    added = replace(preparation, recordings=(*preparation.recordings, recording))
    clips = []
    for clip in prepared.clips:
        start = round((clip.start_s - prepared.start_s) * recording.sample_rate)
        clips.append(measure_clip(added, index, start, start + clip.samples.shape[-1]))
    return replace(added, clips=(*added.clips, *clips))


def measure_clip(preparation: Preparation, recording_index: int, start: int, end: int) -> ClipSpan:
    """Return a clip with measurements of its stored samples, which are rounded and clipped."""
    samples = preparation.samples(recording_index, start, end)
    mono = samples if samples.ndim == 1 else samples.mean(axis=0)
    metrics = measure(mono, preparation.recordings[recording_index].sample_rate)
    return ClipSpan(recording_index, start, end, metrics)


def save(preparation: Preparation) -> Preparation:
    """Write the description of a preparation atomically; returns the preparation."""
    content = {
        "recordings": list(map(asdict, preparation.recordings)),
        "failures": list(map(asdict, preparation.failures)),
        "clips": list(map(_clip_as_dict, preparation.clips)),
    }
    write_json(preparation.folder / _FILE, content)
    return preparation


def read(folder: Path) -> Preparation:
    """Read the preparation in `folder`; raises WorkspaceError if it is damaged."""
    content = current_names(_FILE, read_json(folder / _FILE))
    try:
        return Preparation(
            folder.name,
            folder,
            tuple(
                PreparedRecording(**{**recording, "warnings": tuple(recording["warnings"])})
                for recording in content["recordings"]
            ),
            tuple(FailedFile(**failure) for failure in content["failures"]),
            tuple(map(_clip_from_dict, content["clips"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WorkspaceError(f"{folder / _FILE} is damaged: {error!r}.") from error


def list_all(workspace: Workspace) -> list[Preparation]:
    """Return all readable preparations, newest first."""
    found = []
    for file in _folder(workspace).glob(f"*/{_FILE}"):
        with suppress(WorkspaceError):  # a damaged folder must not hide the others
            found.append(read(file.parent))
    return sorted(found, key=lambda preparation: preparation.id, reverse=True)


def delete(preparation: Preparation) -> None:
    """Delete a preparation; clips that were saved elsewhere remain."""
    remove(preparation.folder)


def _folder(workspace: Workspace) -> Path:
    return workspace.root / "prepared"


def _clip_as_dict(clip: ClipSpan) -> dict[str, Any]:
    content = asdict(clip)
    # JSON has no infinity, which is the level of digital silence.
    for name, value in content["metrics"].items():
        if value is not None and not np.isfinite(value):
            content["metrics"][name] = str(value)
    return content


def _clip_from_dict(stored: dict[str, Any]) -> ClipSpan:
    content = current_names("preparation.json, clip", stored)
    metrics: dict[str, Any] = {
        name: float(value) if isinstance(value, str) else value
        for name, value in content.pop("metrics").items()
    }
    return ClipSpan(**content, metrics=AudioMetrics(**metrics))
