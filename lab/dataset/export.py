"""Exporting a dataset as a folder or zip for other training programs.

audiofolder:  metadata.csv  audio/*  README.md                 Hugging Face, and this program
nemo:         train_manifest.json …  audio/*  README.md        NVIDIA NeMo

An export is complete or does not exist, whatever interrupts it.
"""

import json
import shutil
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from lab import audio
from lab.core.errors import AudioError, OptionsError, WorkspaceError, disk_errors
from lab.core.progress import Progress, ignore
from lab.core.staging import Staging
from lab.core.workspace import Workspace, atomic_write, item_path
from lab.dataset import table
from lab.dataset.card import card_text
from lab.dataset.file_names import avoid_split_words
from lab.dataset.grouping import group_by_key
from lab.dataset.store import Dataset
from lab.dataset.table import CORRECTED, EXCLUDED, TABLE_NAME, DatasetClip

AUDIOFOLDER, NEMO = "audiofolder", "nemo"
# Each layout, described for people.
LAYOUTS = {
    AUDIOFOLDER: "Hugging Face audiofolder: audio files and a table of all clips",
    NEMO: "NeMo: a manifest per split, with the clips that have a text",
}
ZIP_SUFFIX = ".zip"


@dataclass(frozen=True)
class DatasetExport:
    """An export. missing: file names of clips that were skipped because their audio is gone"""

    path: Path
    n_clips: int
    duration_s: float
    missing: tuple[str, ...]


# Writes a file of an export: its name, with slashes, and its text or the file to copy.
_Write = Callable[[str, str | Path], None]


def select_clips(
    clips: Iterable[DatasetClip],
    *,
    layout: str = AUDIOFOLDER,
    only_corrected: bool = False,
    file_names: Collection[str] | None = None,
) -> list[DatasetClip]:
    """Select the clips that an export would contain; raises OptionsError for an unknown layout.

    only_corrected: only clips that a person has corrected
    file_names: only these clips

    Excluded clips are never exported; NeMo manifests contain no clips without a text.
    """
    if layout not in LAYOUTS:
        raise OptionsError(f"Unknown layout “{layout[:40]}”. Use {' or '.join(LAYOUTS)}.")
    return [
        clip
        for clip in clips
        if clip.status != EXCLUDED
        and (clip.status == CORRECTED or not only_corrected)
        and (file_names is None or clip.file_name in file_names)
        and (clip.transcription or layout != NEMO)
    ]


def export_dataset(
    dataset: Dataset,
    target: Path,
    *,
    layout: str = AUDIOFOLDER,
    only_corrected: bool = False,
    file_names: Collection[str] | None = None,
    on_progress: Progress = ignore,
) -> DatasetExport:
    """Write clips with their texts to `target`, a zip if its name ends so, else a new folder.

    layout: a key of `LAYOUTS`
    only_corrected, file_names: as for `select_clips`

    Audio files are copied unchanged. Raises OptionsError if no clip is selected or the folder is
    not empty, WorkspaceError if the export cannot be written.
    """
    clips = select_clips(
        dataset.clips(), layout=layout, only_corrected=only_corrected, file_names=file_names
    )
    if not clips:
        raise OptionsError(
            f"{dataset.name} has no clips to export. "
            + ("Correct some first, or export all." if only_corrected else "Add clips first.")
        )
    is_zip = target.suffix.lower() == ZIP_SUFFIX
    with _zip_writer(target) if is_zip else _folder_writer(target) as write:
        exported, missing = _write_files(dataset, clips, layout, write, on_progress)
    duration_s = sum(clip.duration_s or 0.0 for clip in exported)
    return DatasetExport(target, len(exported), duration_s, tuple(missing))


@contextmanager
def _zip_writer(path: Path) -> Iterator[_Write]:
    with (
        atomic_write(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive,
    ):

        def write(name: str, content: str | Path) -> None:
            if isinstance(content, str):
                archive.writestr(name, content.encode())
            else:  # audio hardly gets smaller, since most formats are compressed
                archive.write(content, name, compress_type=zipfile.ZIP_STORED)

        yield write


@contextmanager
def _folder_writer(folder: Path) -> Iterator[_Write]:
    try:
        is_empty = not folder.exists() or not any(folder.iterdir())
    except OSError as error:
        raise OptionsError(f"“{folder}” is not a folder ({error.strerror}).") from error
    if not is_empty:
        raise OptionsError(f"“{folder}” is not empty. Choose an empty or new folder.")
    with (
        Staging(folder.resolve().parent) as staging,
        disk_errors(folder, "Free some space or choose another folder."),
    ):
        temporary = staging / "export"
        (temporary / "audio").mkdir(parents=True)

        def write(name: str, content: str | Path) -> None:
            if isinstance(content, str):
                (temporary / name).write_text(content, encoding="utf-8", newline="")
            else:
                shutil.copyfile(content, temporary / name)

        yield write
        if folder.exists():
            folder.rmdir()
        temporary.replace(folder)


def _write_files(
    dataset: Dataset,
    clips: Sequence[DatasetClip],
    layout: str,
    write: _Write,
    on_progress: Progress,
) -> tuple[list[DatasetClip], list[str]]:
    """Write all files; returns the clips as exported, and the names of those without audio."""
    copied, missing = [], []
    taken: set[str] = set()
    for n_done, clip in enumerate(clips):
        on_progress(n_done, len(clips), "Packing clips")
        source = dataset.audio_path(clip)
        if not source.is_file():
            missing.append(clip.file_name)
            continue
        name = f"audio/{_free_name(clip.file_name, taken)}"
        write(name, source)
        duration_s = clip.duration_s
        if duration_s is None:
            with suppress(AudioError):  # reported by the checks of the dataset; exported unchanged
                duration_s = audio.probe(source).duration_s
        copied.append(replace(clip, file_name=name, duration_s=duration_s))
    if not copied:
        raise WorkspaceError(
            f"The audio of all {len(clips)} clips is missing in {dataset.folder}. "
            "Restore it, or import the dataset again."
        )
    if layout == AUDIOFOLDER:
        write(TABLE_NAME, table.to_csv(copied))
    else:
        for name, members in group_by_key(copied, _manifest_name).items():
            write(name, "".join(map(_manifest_line, members)))
    write("README.md", card_text(dataset.name, copied, is_audiofolder=layout == AUDIOFOLDER))
    on_progress(len(clips), len(clips), "Packing clips")
    return copied, missing


def _manifest_name(clip: DatasetClip) -> str:
    return f"{clip.split}_manifest.json" if clip.split in table.SPLITS else "manifest.json"


def _manifest_line(clip: DatasetClip) -> str:
    content = {
        "audio_filepath": clip.file_name,
        "duration": clip.duration_s,
        "text": clip.transcription,
        "speaker": clip.speaker,
        "lang": clip.language,
    }
    return json.dumps(content, ensure_ascii=False) + "\n"


def _free_name(file_name: str, taken: set[str]) -> str:
    """A name that is unique within the export, also on case-insensitive file systems."""
    path = PurePosixPath(file_name)
    stem = avoid_split_words(path.stem)
    name, number = f"{stem}{path.suffix}", 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}{path.suffix}"
    taken.add(name.casefold())
    return name


def exports_dir(workspace: Workspace, dataset: Dataset) -> Path:
    """Folder for the zips of a dataset, created with the first one."""
    return item_path(workspace.root / "exports", dataset.name)


def list_exports(workspace: Workspace, dataset: Dataset) -> list[Path]:
    """The zips of a dataset, newest first."""
    return sorted(
        exports_dir(workspace, dataset).glob("*.zip"),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
