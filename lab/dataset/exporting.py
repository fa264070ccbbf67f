"""A dataset leaves the workspace: a folder or a zip that other programs for training read.

audiofolder:  metadata.csv  audio/*  README.md     Hugging Face, and this program
nemo:         train_manifest.json …  audio/*  README.md     NeMo

Whatever stops it, there is a whole export or none.
"""

import json
import shutil
import zipfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from lab import audio
from lab.core.errors import AudioError, OptionsError, WorkspaceError
from lab.core.progress import Progress, ignore
from lab.core.staging import Staging
from lab.core.workspace import Workspace, atomic_write, child
from lab.dataset import table
from lab.dataset.card import card_text
from lab.dataset.names import without_split_words
from lab.dataset.store import Dataset
from lab.dataset.table import CORRECTED, EXCLUDED, TABLE_NAME, Entry

AUDIOFOLDER, NEMO = "audiofolder", "nemo"
# The layouts, for people.
LAYOUTS = {
    AUDIOFOLDER: "Hugging Face audiofolder: a table of all clips beside their sound",
    NEMO: "NeMo: a manifest for each split, of the clips that have a text",
}
ZIP_ENDING = ".zip"


@dataclass(frozen=True)
class Exported:
    """What has been written. missing: clips whose sound is gone, which were passed over."""

    path: Path
    n_clips: int
    duration_s: float
    missing: tuple[str, ...]


class _Target(Protocol):
    """Where the files of an export go; names have slashes."""

    def copy(self, source: Path, name: str) -> None: ...
    def write(self, name: str, text: str) -> None: ...


def chosen(
    entries: Iterable[Entry],
    *,
    layout: str = AUDIOFOLDER,
    only_corrected: bool = False,
    file_names: Collection[str] | None = None,
) -> list[Entry]:
    """The clips that an export would hold; raises OptionsError for a layout that is unknown.

    only_corrected: leave out what nobody has listened to
    file_names: leave out all others

    Clips that are left out of the dataset are never exported; NeMo's manifests hold no clip
    without a text.
    """
    if layout not in LAYOUTS:
        raise OptionsError(f"“{layout[:40]}” is no layout; choose {' or '.join(LAYOUTS)}.")
    return [
        entry
        for entry in entries
        if entry.status != EXCLUDED
        and (entry.status == CORRECTED or not only_corrected)
        and (file_names is None or entry.file_name in file_names)
        and (entry.transcription or layout != NEMO)
    ]


def export(
    dataset: Dataset,
    target: Path,
    *,
    layout: str = AUDIOFOLDER,
    only_corrected: bool = False,
    file_names: Collection[str] | None = None,
    on_progress: Progress = ignore,
) -> Exported:
    """Write clips with their texts to `target`: a zip if it is called so, else a new folder.

    layout: a key of `LAYOUTS`; the other choices are those of `chosen`
    on_progress: called in clips; raising `Cancelled` from it stops

    Sound goes from disk to disk as it is. Raises OptionsError when there is nothing to export or
    the folder holds something already, WorkspaceError when the disk refuses.
    """
    entries = chosen(
        dataset.entries(), layout=layout, only_corrected=only_corrected, file_names=file_names
    )
    if not entries:
        raise OptionsError(
            f"No clip of {dataset.name} is to be exported. "
            + ("Correct some first, or export all." if only_corrected else "Add clips first.")
        )
    write = _as_zip if target.suffix.lower() == ZIP_ENDING else _as_folder
    return write(dataset, entries, layout, target, on_progress)


def _as_zip(
    dataset: Dataset, entries: Sequence[Entry], layout: str, path: Path, on_progress: Progress
) -> Exported:
    with (
        atomic_write(path) as beside,
        zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as zipped,
    ):
        written = _written(dataset, entries, layout, _Zip(zipped), on_progress)
    return replace(written, path=path)


def _as_folder(
    dataset: Dataset, entries: Sequence[Entry], layout: str, folder: Path, on_progress: Progress
) -> Exported:
    _check_is_free(folder)
    with Staging(folder.resolve().parent) as staging:
        beside = staging / "export"
        try:
            written = _written(dataset, entries, layout, _Folder(beside), on_progress)
            if folder.exists():
                folder.rmdir()
            beside.replace(folder)
        except OSError as error:
            raise WorkspaceError(
                f"{folder} cannot be written ({error.strerror or error}). "
                "Free some space or choose another folder."
            ) from error
    return replace(written, path=folder)


def _check_is_free(folder: Path) -> None:
    try:
        is_free = not folder.exists() or not any(folder.iterdir())
    except OSError as error:
        raise OptionsError(f"“{folder}” is no folder ({error.strerror}).") from error
    if not is_free:
        raise OptionsError(f"“{folder}” holds something already. Choose a folder that is empty.")


def _written(
    dataset: Dataset, entries: Sequence[Entry], layout: str, target: _Target, on_progress: Progress
) -> Exported:
    copied, missing = [], []
    taken: set[str] = set()
    for n_done, entry in enumerate(entries):
        on_progress(n_done, len(entries), "Packing clips")
        source = dataset.audio_path(entry)
        if not source.is_file():
            missing.append(entry.file_name)
            continue
        name = f"audio/{_free_name(entry.file_name, taken)}"
        target.copy(source, name)
        copied.append(replace(entry, file_name=name, duration_s=_length_s(entry, source)))
    if not copied:
        raise WorkspaceError(
            f"The sound of all {len(entries)} clips is gone from {dataset.folder}. "
            "Put it back, or import the dataset again."
        )
    if layout == AUDIOFOLDER:
        target.write(TABLE_NAME, table.text_of(copied))
    else:
        for name, manifest in _manifests(copied).items():
            target.write(name, manifest)
    target.write("README.md", card_text(dataset.name, copied, is_audiofolder=layout == AUDIOFOLDER))
    on_progress(len(entries), len(entries), "Packing clips")
    duration_s = sum(entry.duration_s or 0.0 for entry in copied)
    return Exported(dataset.folder, len(copied), duration_s, tuple(missing))


def _manifests(entries: Iterable[Entry]) -> dict[str, str]:
    """NeMo's manifests by file name: an object a line, for each split one."""
    lines: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        content = {
            "audio_filepath": entry.file_name,
            "duration": entry.duration_s,
            "text": entry.transcription,
            "speaker": entry.speaker,
            "lang": entry.language,
        }
        name = f"{entry.split}_manifest.json" if entry.split in table.SPLITS else "manifest.json"
        lines[name].append(json.dumps(content, ensure_ascii=False) + "\n")
    return {name: "".join(some) for name, some in lines.items()}


def _length_s(entry: Entry, source: Path) -> float | None:
    if entry.duration_s is not None:
        return entry.duration_s
    try:
        return audio.probe(source).duration_s
    except AudioError:  # the check of the dataset says so; here it goes along as it is
        return None


def _free_name(file_name: str, taken: set[str]) -> str:
    """A name that no other clip of the export has, on file systems that don't know case too."""
    path = PurePosixPath(file_name)
    stem = without_split_words(path.stem)
    name, number = f"{stem}{path.suffix}", 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}{path.suffix}"
    taken.add(name.casefold())
    return name


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "audio").mkdir(parents=True)

    def copy(self, source: Path, name: str) -> None:
        shutil.copyfile(source, self._folder / name)

    def write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text, encoding="utf-8", newline="")


class _Zip:
    def __init__(self, zipped: zipfile.ZipFile) -> None:
        self._zipped = zipped

    def copy(self, source: Path, name: str) -> None:
        # Sound does not become smaller, most of it is compressed already.
        self._zipped.write(source, name, compress_type=zipfile.ZIP_STORED)

    def write(self, name: str, text: str) -> None:
        self._zipped.writestr(name, text.encode())


def exports_dir(workspace: Workspace, dataset: Dataset) -> Path:
    """Where the zips of a dataset lie; the folder appears with the first one."""
    return child(workspace.root / "exports", dataset.name)


def list_exports(workspace: Workspace, dataset: Dataset) -> list[Path]:
    """The zips of a dataset, the newest first."""
    return sorted(
        exports_dir(workspace, dataset).glob("*.zip"),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
