"""Write clips: WAV files, a manifest of their origins, and the recipe.

FOLDER/interview-in-prizren-0001.wav   a clip, 16 or 24 bits
FOLDER/manifest.csv                    file_name, start_s, end_s, duration_s, source
FOLDER/recipe.yaml                     how they were prepared
"""

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path, PurePath

from lab.audio import Samples, wav
from lab.core.files import csv_text
from lab.core.workspace import atomic_write, slug, write_text
from lab.preprocess.pipeline import PreparedAudio
from lab.preprocess.recipe import Recipe

MANIFEST_NAME = "manifest.csv"
RECIPE_NAME = "recipe.yaml"

# Cells that begin so are executed as formulas by spreadsheets.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class ManifestRow:
    """A clip and its position in its source, in seconds."""

    file_name: str
    start_s: float
    end_s: float
    duration_s: float
    source: str


def write_wav(path: Path, samples: Samples, *, sample_rate: int, bits: int = 16) -> None:
    """Write a PCM WAV file atomically; samples beyond ±1 are clipped.

    samples: float32, shape (n,) or (channels, n)
    bits: 16 or 24; multiples of 1/32768 (24 bits: 1/8388608) are kept exactly

    Raises WorkspaceError if the file cannot be written.
    """
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        wav.write(file, samples, sample_rate=sample_rate, bits=bits)


def write_clips(
    folder: Path, prepared: PreparedAudio, *, source: str, stem: str = ""
) -> list[ManifestRow]:
    """Write the clips of one recording, all of them or none.

    source: name of the recording
    stem: start of the file names; derived from `source` by default

    Raises WorkspaceError if a file cannot be written.
    """
    stem = stem or clip_stem(source)
    rows: list[ManifestRow] = []
    try:
        for number, clip in enumerate(prepared.clips, start=1):
            name = f"{stem}-{number:04d}.wav"
            write_wav(
                folder / name, clip.samples, sample_rate=prepared.sample_rate, bits=prepared.bits
            )
            duration_s = clip.samples.shape[-1] / prepared.sample_rate
            rows.append(ManifestRow(name, clip.start_s, clip.end_s, duration_s, source))
    except BaseException:
        for row in rows:
            with suppress(OSError):
                (folder / row.file_name).unlink()
        raise
    return rows


def clip_stem(source: str) -> str:
    """Return a safe start for the file names of clips from `source`."""
    return slug(PurePath(source).stem) or "recording"


def unique_stem(source: str, taken: Collection[str]) -> str:
    """Return a safe start for the file names of clips from `source` that is not in `taken`."""
    stem, number = clip_stem(source), 1
    while stem in taken:
        number += 1
        stem = f"{clip_stem(source)}-{number}"
    return stem


def manifest_text(rows: Iterable[ManifestRow]) -> str:
    """Return the manifest of clips as CSV."""
    table = [[field.name for field in fields(ManifestRow)]]
    for row in rows:
        times = (f"{seconds:.3f}" for seconds in (row.start_s, row.end_s, row.duration_s))
        table.append([row.file_name, *times, escape_formula(row.source)])
    return csv_text(table)


def escape_formula(cell: str) -> str:
    """Return a table cell that spreadsheets display as text instead of running it."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def write_manifest(folder: Path, rows: Iterable[ManifestRow]) -> None:
    """Write the manifest of clips in UTF-8."""
    with atomic_write(folder / MANIFEST_NAME) as temporary:
        temporary.write_bytes(manifest_text(rows).encode("utf-8", "replace"))


def write_recipe(folder: Path, recipe: Recipe) -> None:
    """Write the recipe into the folder of the clips."""
    write_text(folder / RECIPE_NAME, recipe.to_yaml())
