"""Many recordings, one recipe, one folder of clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError, WorkspaceError
from lab.preprocess.export import (
    MANIFEST_NAME,
    ManifestRow,
    clip_stem,
    write_clips,
    write_manifest,
    write_recipe,
)
from lab.preprocess.pipeline import apply, part
from lab.preprocess.recipe import Recipe
from lab.preprocess.source import AudioFile, Sound
from lab.progress import Cancelled, Progress, ignore


@dataclass(frozen=True)
class Done:
    """A recording whose clips are written. warnings: a sentence each for the person."""

    name: str
    clips: tuple[ManifestRow, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """A recording that could not be prepared, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class BatchReport:
    """What became of each recording.

    cancelled: the person stopped it; what was finished until then is in the folder
    """

    done: tuple[Done, ...]
    failed: tuple[Failed, ...]
    cancelled: bool

    @property
    def rows(self) -> list[ManifestRow]:
        """The clips of all recordings."""
        return [row for one in self.done for row in one.clips]


def prepare_files(
    sources: Sequence[AudioFile | Sound],
    recipe: Recipe,
    output_dir: Path,
    *,
    on_progress: Progress = ignore,
) -> BatchReport:
    """Prepare recordings into `output_dir`: their clips, the manifest and the recipe.

    A recording that fails does not stop the others; none ever leaves a part of its clips.
    on_progress: called with recordings that are done, and shares of them

    Raises WorkspaceError if the folder holds prepared clips already, or cannot be written.
    """
    if (output_dir / MANIFEST_NAME).exists():
        raise WorkspaceError(
            f"{output_dir} holds prepared clips already. Choose another folder, or delete it."
        )
    done: list[Done] = []
    failed: list[Failed] = []
    cancelled = False
    write_recipe(output_dir, recipe)
    try:
        for number, (source, stem) in enumerate(zip(sources, _stems(sources), strict=True)):
            name = source.title or stem
            on_part = part(on_progress, number, len(sources))
            try:
                prepared = apply(recipe, source, on_progress=on_part)
                rows = write_clips(output_dir, prepared, source=name, stem=stem)
            except LabError as error:
                failed.append(Failed(name, str(error)))
            else:
                done.append(Done(name, tuple(rows), prepared.warnings))
                del prepared  # else it takes its memory beside that of the next
    except Cancelled:
        cancelled = True
    finally:  # whatever stopped it, what is finished can be found
        write_manifest(output_dir, [row for one in done for row in one.clips])
    return BatchReport(tuple(done), tuple(failed), cancelled)


def _stems(sources: Sequence[AudioFile | Sound]) -> list[str]:
    """A beginning of the clips' names for each recording, all of them different."""
    stems: list[str] = []
    for source in sources:
        stem, number = clip_stem(source.title), 1
        while stem in stems:
            number += 1
            stem = f"{clip_stem(source.title)}-{number}"
        stems.append(stem)
    return stems
