"""Prepare many recordings with one recipe into one folder of clips."""

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from pathlib import Path

from lab.core.errors import LabError, WorkspaceError
from lab.core.progress import Cancelled, Progress, ignore, part
from lab.preprocess.export import (
    MANIFEST_NAME,
    ManifestRow,
    unique_stem,
    write_clips,
    write_manifest,
    write_recipe,
)
from lab.preprocess.pipeline import apply
from lab.preprocess.recipe import Recipe
from lab.preprocess.source import AudioArray, AudioFile


@dataclass(frozen=True)
class PreparedFile:
    """A recording whose clips were written. warnings: sentences for the person."""

    name: str
    clips: tuple[ManifestRow, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class FailedFile:
    """A recording that could not be prepared, and the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class BatchReport:
    """Outcome of each recording.

    cancelled: whether the person stopped it; clips of recordings finished by then are kept
    """

    prepared: tuple[PreparedFile, ...]
    failed: tuple[FailedFile, ...]
    cancelled: bool

    @property
    def rows(self) -> list[ManifestRow]:
        return [row for recording in self.prepared for row in recording.clips]


def prepare_files(
    sources: Iterable[AudioFile | AudioArray],
    recipe: Recipe,
    output_dir: Path,
    *,
    on_progress: Progress = ignore,
) -> BatchReport:
    """Prepare recordings and write their clips, a manifest and the recipe to `output_dir`.

    A recording that fails does not stop the others, and leaves no clips. Without any clip, no
    manifest is written and the folder can be reused.

    sources: each is released before the next is requested, so an iterator that loads them lazily
        needs memory for only one
    on_progress: called with the number of finished recordings, and fractions of them; the total is
        their number, or the number started if `sources` has no length

    Raises WorkspaceError if the folder already contains prepared clips or cannot be written.
    """
    if (output_dir / MANIFEST_NAME).exists():
        raise WorkspaceError(
            f"{output_dir} already contains prepared clips. Choose another folder or delete it."
        )
    finished: list[PreparedFile] = []
    failed: list[FailedFile] = []
    cancelled = False
    write_recipe(output_dir, recipe)
    stems: set[str] = set()
    n_sources = len(sources) if isinstance(sources, Sized) else None
    try:
        # Not `enumerate`, which keeps a reference to the source while it gets the next one.
        for source in sources:
            number = len(finished) + len(failed)
            on_part = part(on_progress, number, n_sources or number + 1)
            stem = unique_stem(source.name, stems)
            stems.add(stem)
            name = source.name or stem
            try:
                prepared = apply(recipe, source, on_progress=on_part)
                rows = write_clips(output_dir, prepared, source=name, stem=stem)
            except LabError as error:
                failed.append(FailedFile(name, str(error)))
            else:
                finished.append(PreparedFile(name, tuple(rows), prepared.warnings))
                del prepared  # frees its memory before the next one is loaded
            del source
    except Cancelled:
        cancelled = True
    finally:  # also after an unexpected error, finished clips need their manifest
        report = BatchReport(tuple(finished), tuple(failed), cancelled)
        if report.rows:
            write_manifest(output_dir, report.rows)
    return report
