"""Many recordings, one recipe, one folder of clips."""

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from pathlib import Path

from lab.core.errors import LabError, WorkspaceError
from lab.core.progress import Cancelled, Progress, ignore, part
from lab.preprocess.export import (
    MANIFEST_NAME,
    ManifestRow,
    free_stem,
    write_clips,
    write_manifest,
    write_recipe,
)
from lab.preprocess.pipeline import apply
from lab.preprocess.recipe import Recipe
from lab.preprocess.source import AudioFile, Sound


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
    sources: Iterable[AudioFile | Sound],
    recipe: Recipe,
    output_dir: Path,
    *,
    on_progress: Progress = ignore,
) -> BatchReport:
    """Prepare recordings into `output_dir`: their clips, the manifest and the recipe.

    A recording that fails does not stop the others; none ever leaves a part of its clips. Where
    there is no clip in the end there is no manifest either, and the folder can be used again.

    sources: each is let go before the next is asked for, so an iterator that reads them as it goes
        needs memory for one
    on_progress: called with recordings that are done, and shares of them; the total is how many
        there are, or where `sources` has no length, how many were begun

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
    stems: set[str] = set()
    n_sources = len(sources) if isinstance(sources, Sized) else None
    try:
        # Not `enumerate`, which holds what it gave while it asks for the next.
        for source in sources:
            number = len(done) + len(failed)
            on_part = part(on_progress, number, n_sources or number + 1)
            stem = free_stem(source.title, stems)
            stems.add(stem)
            name = source.title or stem
            try:
                prepared = apply(recipe, source, on_progress=on_part)
                rows = write_clips(output_dir, prepared, source=name, stem=stem)
            except LabError as error:
                failed.append(Failed(name, str(error)))
            else:
                done.append(Done(name, tuple(rows), prepared.warnings))
                del prepared  # else it takes its memory beside that of the next
            del source
    except Cancelled:
        cancelled = True
    finally:  # whatever stopped it, what is finished can be found
        report = BatchReport(tuple(done), tuple(failed), cancelled)
        if report.rows:
            write_manifest(output_dir, report.rows)
    return report
