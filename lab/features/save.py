"""Save features as images, arrays and tables, in a folder or in a zip.

FOLDER/log_mel.png             the array alone, 1024 × 1024 pixels
FOLDER/log_mel.labelled.png    with axes and a colour bar
FOLDER/log_mel.npy             NumPy array, exact
FOLDER/log_mel.csv             a header, and a row per frame (or frequency) with its values
FOLDER/log_mel.txt             the values alone, for `numpy.loadtxt`
FOLDER/settings.json           the settings
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from lab.audio import Waveform
from lab.core.errors import OptionsError, check_choice
from lab.core.progress import Progress, ignore
from lab.core.workspace import atomic_write
from lab.features.feature import Axis, Feature
from lab.features.images import png
from lab.features.settings import FeatureSettings
from lab.features.views import VIEWS, compute, view_problems

SETTINGS_NAME = "settings.json"

# Nine digits represent a float32 exactly.
_NUMBER = "%.9g"
_TABLE_ROWS = 4096


def _write_csv(feature: Feature, _colour_map: str, file: IO[bytes]) -> None:
    *row_axes, axis = feature.axes
    headings = _headings(row_axes[0]) if row_axes else [feature.quantity_title]
    file.write((",".join([axis.title, *headings]) + "\n").encode())
    columns = np.atleast_2d(feature.array)
    for start in range(0, axis.n, _TABLE_ROWS):
        end = min(start + _TABLE_ROWS, axis.n)
        table = np.column_stack([axis.values(start, end), columns[:, start:end].T])
        np.savetxt(file, table, fmt=_NUMBER, delimiter=",")


def _write_png(
    feature: Feature, colour_map: str, file: IO[bytes], *, labelled: bool = False
) -> None:
    file.write(png(feature, colour_map=colour_map, labelled=labelled))


FORMATS: dict[str, Callable[[Feature, str, IO[bytes]], None]] = {
    "png": _write_png,
    "labelled.png": partial(_write_png, labelled=True),
    "npy": lambda feature, _colour_map, file: np.save(file, feature.array),
    "csv": _write_csv,
    "txt": lambda feature, _colour_map, file: np.savetxt(file, feature.array, fmt=_NUMBER),
}
"""Suffix of the file name, and the function that writes the file."""


def to_bytes(feature: Feature, file_format: str, *, colour_map: str = "magma") -> bytes:
    """Return a feature as the bytes of a file; `file_format` is a key of `FORMATS`."""
    buffer = io.BytesIO()
    check_choice("format", file_format, FORMATS)
    FORMATS[file_format](feature, colour_map, buffer)
    return buffer.getvalue()


def write_all(
    folder: Path,
    waveform: Waveform,
    settings: FeatureSettings,
    *,
    views: Sequence[str] = tuple(VIEWS),
    formats: Sequence[str] = tuple(FORMATS),
    colour_map: str = "magma",
    on_progress: Progress = ignore,
) -> list[Path]:
    """Write views of a recording to `folder`, each file atomically; returns the paths.

    views, formats: keys of `VIEWS` and `FORMATS`
    on_progress: called with the number of files

    Raises OptionsError before anything is written if the settings do not suit the recording;
    WorkspaceError if a file cannot be written.
    """
    check(waveform, settings, views)
    paths = []
    for name, write in _files(waveform, settings, views, formats, colour_map, on_progress):
        path = folder / name
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            write(file)
        paths.append(path)
    return paths


def write_zip(
    path: Path,
    waveform: Waveform,
    settings: FeatureSettings,
    *,
    views: Sequence[str] = tuple(VIEWS),
    formats: Sequence[str] = tuple(FORMATS),
    colour_map: str = "magma",
    on_progress: Progress = ignore,
) -> None:
    """Write a zip of the files of `write_all`; parameters and errors are the same."""
    check(waveform, settings, views)
    with (
        atomic_write(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, write in _files(waveform, settings, views, formats, colour_map, on_progress):
            # The size is not known in advance, and the table of an hour takes gigabytes.
            with archive.open(name, "w", force_zip64=True) as file:
                write(file)


def check(waveform: Waveform, settings: FeatureSettings, views: Sequence[str]) -> None:
    """Raise OptionsError naming every problem of the settings with any of `views`."""
    sentences = [
        problem.sentence for view in views for problem in view_problems(view, waveform, settings)
    ]
    if sentences:
        raise OptionsError(" ".join(dict.fromkeys(sentences)))


def _files(
    waveform: Waveform,
    settings: FeatureSettings,
    views: Sequence[str],
    formats: Sequence[str],
    colour_map: str,
    on_progress: Progress,
) -> Iterator[tuple[str, Callable[[IO[bytes]], object]]]:
    """Yield the name of each file and a function that writes it; views are computed one by one."""
    for file_format in formats:
        check_choice("format", file_format, FORMATS)
    total = len(views) * len(formats)
    for number, view in enumerate(views):
        on_progress(number * len(formats), total, VIEWS[view].title)
        feature = compute(view, waveform, settings)
        for done, suffix in enumerate(formats, start=number * len(formats)):
            on_progress(done, total, VIEWS[view].title)
            yield f"{view}.{suffix}", partial(FORMATS[suffix], feature, colour_map)
    on_progress(total, total)
    description = {"sample_rate": waveform.sample_rate, "duration_s": waveform.duration_s}
    text = json.dumps(description | asdict(settings), indent=1)
    yield SETTINGS_NAME, lambda file: file.write(text.encode())


def _headings(axis: Axis) -> list[str]:
    """Column headings such as "62.5 Hz", or "Coefficient 3" without a unit."""
    if axis.unit:
        return [f"{value:.7g} {axis.unit}" for value in axis.values()]
    return [f"{axis.label} {value:g}" for value in axis.values()]
