"""Clips on disk: WAV files, a table of where they come from, and the recipe.

FOLDER/interview-in-prizren-0001.wav   a clip, 16 or 24 bits
FOLDER/manifest.csv                    file_name, start_s, end_s, duration_s, source
FOLDER/recipe.yaml                     how they were made
"""

import csv
import io
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePath

from lab.audio import Samples, wav
from lab.core.workspace import atomic_write, slug
from lab.preprocess.pipeline import Prepared
from lab.preprocess.recipe import Recipe

MANIFEST_NAME = "manifest.csv"
RECIPE_NAME = "recipe.yaml"

# What a spreadsheet would take for a formula, and run.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class ManifestRow:
    """A clip and where in its source it lies. The seconds are those of the source."""

    file_name: str
    start_s: float
    end_s: float
    duration_s: float
    source: str


def write_wav(path: Path, samples: Samples, *, sample_rate: int, bits: int = 16) -> None:
    """Write a PCM WAV file, whole or not at all; samples beyond ±1 are clipped.

    samples: float32, shape (n,) or (channels, n)
    bits: 16 or 24; what is a multiple of 1/32768 (24 bits: 1/8388608) is kept exactly

    Raises WorkspaceError when the disk refuses.
    """
    with atomic_write(path) as beside, beside.open("wb") as file:
        wav.write(file, samples, sample_rate=sample_rate, bits=bits)


def write_clips(
    folder: Path, prepared: Prepared, *, source: str, stem: str = ""
) -> list[ManifestRow]:
    """Write the clips of one recording, all of them or none.

    source: what people call the recording
    stem: the beginning of the files' names; made of `source` unless given

    Raises WorkspaceError when the disk refuses.
    """
    stem = stem or clip_stem(source)
    rows: list[ManifestRow] = []
    try:
        for number, clip in enumerate(prepared.clips, start=1):
            name = f"{stem}-{number:04d}.wav"
            write_wav(
                folder / name,
                clip.samples,
                sample_rate=prepared.sample_rate,
                bits=prepared.bits,
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
    """A safe beginning for the names of clips that come from `source`."""
    return slug(PurePath(source).stem) or "recording"


def free_stem(source: str, taken: Collection[str]) -> str:
    """A beginning for the names of clips that come from `source`, other than all in `taken`."""
    stem, number = clip_stem(source), 1
    while stem in taken:
        number += 1
        stem = f"{clip_stem(source)}-{number}"
    return stem


def manifest_text(rows: Iterable[ManifestRow]) -> str:
    """The table of the clips as comma-separated values."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, [one.name for one in fields(ManifestRow)])
    table.writeheader()
    for row in rows:
        cells = asdict(row)
        for name in ("start_s", "end_s", "duration_s"):
            cells[name] = f"{cells[name]:.3f}"
        cells["source"] = without_formula(row.source)
        table.writerow(cells)
    return text.getvalue()


def without_formula(cell: str) -> str:
    """A cell of a table that a spreadsheet shows as text, whoever wrote it."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def write_manifest(folder: Path, rows: Iterable[ManifestRow]) -> Path:
    """Write the table of the clips, in UTF-8; returns its path."""
    path = folder / MANIFEST_NAME
    with atomic_write(path) as beside:
        beside.write_bytes(manifest_text(rows).encode("utf-8", "replace"))
    return path


def write_recipe(folder: Path, recipe: Recipe) -> Path:
    """Write the recipe beside the clips; returns its path."""
    path = folder / RECIPE_NAME
    with atomic_write(path) as beside:
        beside.write_text(recipe.to_yaml(), encoding="utf-8")
    return path
