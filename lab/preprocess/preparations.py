"""What a recipe made of recordings, kept in the workspace until the person is content with it.

prepared/20261123-101500-123456/
    recipe.yaml         how it was made
    whole-0001.wav      a recording after all steps but the splitting
    preparation.json    the recordings, those that failed, and the clips: borders, kept or dropped

The clips are stretches of the whole recordings, so their borders can be moved
(`lab.preprocess.clip_edits`) and nothing is lost.
"""

import wave
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from lab.audio import AudioInfo, Samples, wav
from lab.audio.quality import Examined, Figures, measure
from lab.core.errors import WorkspaceError
from lab.core.workspace import Workspace, child, read_json, remove, write_json
from lab.preprocess.batch import Failed
from lab.preprocess.export import RECIPE_NAME, free_stem, write_recipe, write_wav
from lab.preprocess.pipeline import Prepared
from lab.preprocess.recipe import Recipe

_FILE = "preparation.json"


@dataclass(frozen=True)
class Whole:
    """A recording after all steps but the splitting.

    recording_id: what it was made of
    name: what people call that
    stem: how the names of its clips begin
    start_s: what was cut off at the beginning, seconds
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


@dataclass(frozen=True)
class ClipSpan:
    """A clip: samples `start` to `end` of the whole recording number `whole` (from 0)."""

    whole: int
    start: int
    end: int
    figures: Figures
    kept: bool = True


@dataclass(frozen=True)
class Preparation:
    """Recordings, prepared, with their clips in order."""

    id: str
    folder: Path
    wholes: tuple[Whole, ...] = ()
    failures: tuple[Failed, ...] = ()
    clips: tuple[ClipSpan, ...] = ()

    @property
    def created_at(self) -> datetime:
        return datetime.strptime(self.id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)

    @property
    def recipe(self) -> Recipe:
        """How it was made; raises LabError if the file is damaged."""
        return Recipe.from_yaml((self.folder / RECIPE_NAME).read_text(encoding="utf-8"))

    @property
    def kept(self) -> list[ClipSpan]:
        return [clip for clip in self.clips if clip.kept]

    def length_s(self, clip: ClipSpan) -> float:
        return (clip.end - clip.start) / self.wholes[clip.whole].sample_rate

    def times_s(self, clip: ClipSpan) -> tuple[float, float]:
        """Where a clip lies in the recording that it comes from, seconds."""
        whole = self.wholes[clip.whole]
        return (
            whole.start_s + clip.start / whole.sample_rate,
            whole.start_s + clip.end / whole.sample_rate,
        )

    def samples(self, whole: int, start: int, end: int) -> Samples:
        """Samples `start` to `end` of a whole recording: float32, (n,), or (channels, n).

        Raises WorkspaceError if the file is gone.
        """
        path = self.folder / self.wholes[whole].file
        try:
            return wav.read(path, start, end)
        except (OSError, EOFError, wave.Error) as error:
            raise WorkspaceError(f"{path} cannot be read: {error}. Prepare it again.") from error

    def named(self) -> Iterator[tuple[str, ClipSpan]]:
        """The kept clips with the names of their files."""
        numbers = [0] * len(self.wholes)
        for clip in self.kept:
            numbers[clip.whole] += 1
            yield f"{self.wholes[clip.whole].stem}-{numbers[clip.whole]:04d}.wav", clip

    def examined(self) -> list[Examined]:
        """The kept clips as `lab.audio.quality.verdict` takes them."""
        found = []
        for name, clip in self.named():
            whole = self.wholes[clip.whole]
            info = AudioInfo(
                container="wav",
                codec=f"pcm_s{whole.bits}le",
                sample_rate=whole.sample_rate,
                channels=whole.channels,
                duration_s=self.length_s(clip),
                bits=whole.bits,
            )
            found.append(Examined(name, info, clip.figures))
        return found


def create(workspace: Workspace, recipe: Recipe) -> Preparation:
    """An empty preparation, to which recordings are added one by one."""
    preparation_id = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    folder = child(_folder(workspace), preparation_id)
    write_recipe(folder, recipe)
    return Preparation(preparation_id, folder)


def add(
    preparation: Preparation, prepared: Prepared, *, recording_id: str, name: str
) -> Preparation:
    """Add what was made of a recording.

    Raises WorkspaceError when the disk refuses; nothing of it is added then.
    """
    samples, number = prepared.samples, len(preparation.wholes)
    whole = Whole(
        recording_id=recording_id,
        name=name,
        stem=free_stem(name, {one.stem for one in preparation.wholes}),
        file=f"whole-{number + 1:04d}.wav",
        sample_rate=prepared.sample_rate,
        bits=prepared.bits,
        channels=1 if samples.ndim == 1 else len(samples),
        n_samples=samples.shape[-1],
        start_s=prepared.start_s,
        warnings=prepared.warnings,
    )
    path = preparation.folder / whole.file
    write_wav(path, samples, sample_rate=whole.sample_rate, bits=whole.bits)
    added = replace(preparation, wholes=(*preparation.wholes, whole))
    clips = []
    for clip in prepared.clips:
        start = round((clip.start_s - prepared.start_s) * whole.sample_rate)
        clips.append(measured(added, number, start, start + clip.samples.shape[-1]))
    return replace(added, clips=(*added.clips, *clips))


def measured(preparation: Preparation, whole: int, start: int, end: int) -> ClipSpan:
    """A clip with its figures, as it will be in its file: rounded, and clipped beyond ±1."""
    samples = preparation.samples(whole, start, end)
    mono = samples if samples.ndim == 1 else samples.mean(axis=0)
    figures = measure(mono, preparation.wholes[whole].sample_rate)
    return ClipSpan(whole, start, end, figures)


def save(preparation: Preparation) -> None:
    """Write what is known of a preparation, whole or not at all."""
    write_json(
        preparation.folder / _FILE,
        {
            "wholes": [asdict(whole) for whole in preparation.wholes],
            "failures": [asdict(failure) for failure in preparation.failures],
            "clips": [_clip_as_dict(clip) for clip in preparation.clips],
        },
    )


def read(folder: Path) -> Preparation:
    """The preparation in `folder`; raises WorkspaceError if it is damaged."""
    content = read_json(folder / _FILE)
    try:
        return Preparation(
            folder.name,
            folder,
            tuple(
                Whole(**{**whole, "warnings": tuple(whole["warnings"])})
                for whole in content["wholes"]
            ),
            tuple(Failed(**failure) for failure in content["failures"]),
            tuple(ClipSpan(**{**clip, "figures": _figures(clip)}) for clip in content["clips"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WorkspaceError(f"{folder / _FILE} is damaged: {error!r}.") from error


def list_all(workspace: Workspace) -> list[Preparation]:
    """All that can be read, the newest first."""
    found = []
    for file in _folder(workspace).glob(f"*/{_FILE}"):
        try:
            found.append(read(file.parent))
        except WorkspaceError:
            continue  # a damaged or foreign folder must not hide the others
    return sorted(found, key=lambda one: one.id, reverse=True)


def delete(preparation: Preparation) -> None:
    """Remove it from the disk; what was saved or downloaded of it stays."""
    remove(preparation.folder)


def _folder(workspace: Workspace) -> Path:
    return workspace.root / "prepared"


def _clip_as_dict(clip: ClipSpan) -> dict[str, Any]:
    content = asdict(clip)
    # JSON knows no infinity; digital silence has one.
    for name, value in content["figures"].items():
        if value is not None and not np.isfinite(value):
            content["figures"][name] = str(value)
    return content


def _figures(clip: dict[str, Any]) -> Figures:
    values: dict[str, Any] = {
        name: float(value) if isinstance(value, str) else value
        for name, value in clip["figures"].items()
    }
    return Figures(**values)
