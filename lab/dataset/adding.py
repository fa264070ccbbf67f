"""Adding clips to a dataset: a few from another page, or those of a whole corpus."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import BinaryIO

from lab import audio
from lab.core.errors import AudioError, OptionsError, disk_errors
from lab.core.files import AUDIO_SUFFIXES, hashed_copy
from lab.core.languages import LANGUAGES
from lab.core.progress import Progress, ignore
from lab.core.staging import Staging
from lab.core.workspace import Workspace, slug
from lab.dataset import snapshot
from lab.dataset.file_names import avoid_split_words
from lab.dataset.store import Dataset, dataset_named, locked
from lab.dataset.table import NEW, STATUSES, TABLE_NAME, DatasetClip
from lab.importers import CorpusClip, ImportProblem


@dataclass(frozen=True)
class ImportResult:
    """The outcome of an import.

    n_new: clips that were added
    n_known: clips that the dataset already had, with the same name and audio
    problems: files that could not be imported, or that are missing, with the reason
    """

    dataset: Dataset
    n_new: int
    n_known: int
    problems: tuple[ImportProblem, ...]


def add(
    workspace: Workspace,
    name: str,
    clips: Iterable[tuple[str, bytes | BinaryIO]],
    *,
    language: str,
    texts: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Dataset, int]:
    """Add clips to the dataset `name`, which is created if it does not exist.

    clips: pairs of a name and an audio file, as bytes or a stream; existing clips are skipped
    language: Whisper's code of the spoken language
    texts: transcriptions by name of the clip, as far as they are known

    Returns the dataset and the number of clips added.
    Raises OptionsError for a name without letters, WorkspaceError if the clips cannot be written;
    clips that the dataset had before are unchanged.
    """
    dataset = dataset_named(workspace, name)
    with locked(dataset):
        rows = _existing_clips(dataset)
        known = {row.file_name for row in rows}
        n_before = len(rows)
        for clip_name, content in clips:
            with hashed_copy(content, dataset.folder / "audio") as copy:
                file_name = f"audio/{_file_name(clip_name, copy.sha256)}"
                if file_name in known:
                    continue
                duration_s = None
                with suppress(AudioError):  # no audio, which the checks report
                    duration_s = _duration_s(copy.path)
                copy.path.replace(dataset.folder / file_name)
            known.add(file_name)
            text = " ".join(texts.get(clip_name, "").split())
            rows.append(DatasetClip(file_name, text, language=language, duration_s=duration_s))
        snapshot.write(dataset.folder, rows)
    return dataset, len(rows) - n_before


def import_clips(
    workspace: Workspace,
    name: str,
    clips: Iterable[CorpusClip],
    *,
    language: str,
    may_move: bool = False,
    on_progress: Progress = ignore,
) -> ImportResult:
    """Copy clips with their texts into the dataset `name`, which is created if it does not exist.

    clips: from `lab.importers`; only the headers of their audio files are read
    language: Whisper's code, for clips that state none
    may_move: whether audio files may be moved instead of copied, because they are in a temporary
        folder on the same disk

    Adds all clips or, if it is stopped or fails, none. Raises OptionsError for a name without
    letters, an unknown language or if no clip can be read, WorkspaceError if the clips cannot be
    written.
    """
    dataset = import_target(workspace, name, language)
    waiting: list[CorpusClip] = []
    for clip in clips:  # counted first, for the progress; long tables take a while
        waiting.append(clip)
        on_progress(0, len(waiting), "Reading the tables")
    copied: dict[str, DatasetClip] = {}
    refused = []
    with _staging(dataset) as staging:
        for n_done, clip in enumerate(waiting):
            on_progress(n_done, len(waiting), "Copying clips")
            try:
                row = _copy(clip, language, staging, may_move)
            except AudioError as error:
                refused.append(ImportProblem(clip.audio_path.name, str(error)))
            else:
                copied.setdefault(row.file_name, row)
        if not copied:
            raise OptionsError(
                "None of the clips can be imported. "
                + (refused[0].reason if refused else "Choose the folder that holds the audio.")
            )
        on_progress(len(waiting), len(waiting), "Copying clips")
        # All at once before a table refers to the files: file by file takes longer than copying.
        # Windows offers only the latter, and writes its buffers soon anyway.
        if hasattr(os, "sync"):
            os.sync()
        n_new = _move_into_dataset(dataset, copied, staging)
    return ImportResult(dataset, n_new, len(waiting) - len(refused) - n_new, tuple(refused))


def import_target(workspace: Workspace, name: str, language: str) -> Dataset:
    """The dataset that an import adds to, whether it exists or not.

    Raises OptionsError for a name without letters or an unknown language.
    """
    if language not in LANGUAGES:
        raise OptionsError(
            f"Whisper does not know the language “{language[:40]}”. Use a code such as sq."
        )
    return dataset_named(workspace, name)


def _duration_s(path: Path) -> float | None:
    """Duration according to the header, if it states one; raises AudioError."""
    duration_s = audio.probe(path).duration_s
    return None if duration_s is None else round(duration_s, 3)


@contextmanager
def _staging(dataset: Dataset) -> Iterator[Path]:
    """A temporary folder within the dataset's folder, removed at the end."""
    try:
        with disk_errors(dataset.folder), Staging(dataset.folder) as staging:
            yield staging
    finally:
        for folder in (dataset.folder / "audio", dataset.folder):
            with locked(dataset), suppress(OSError):  # fails for a folder that is not empty
                folder.rmdir()


def _copy(clip: CorpusClip, language: str, staging: Path, may_move: bool) -> DatasetClip:
    """Copy or move the audio file of a clip; raises AudioError if it cannot be read."""
    duration_s = _duration_s(clip.audio_path)
    try:
        with clip.audio_path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AudioError(
            f"“{clip.audio_path.name}” cannot be read ({error.strerror}). Check the disk."
        ) from error
    file_name = _file_name(clip.audio_path.name, sha256)
    if may_move:
        clip.audio_path.replace(staging / file_name)
    else:
        shutil.copyfile(clip.audio_path, staging / file_name)
    return DatasetClip(
        f"audio/{file_name}",
        clip.transcription,
        clip.split,
        clip.speaker,
        clip.language or language,
        clip.status if clip.status in STATUSES else NEW,
        duration_s=duration_s,
    )


def _move_into_dataset(dataset: Dataset, copied: Mapping[str, DatasetClip], staging: Path) -> int:
    """Move the new clips from `staging` into the dataset, all or none; returns their number."""
    moved = []
    with locked(dataset):
        existing = _existing_clips(dataset)
        known = {row.file_name for row in existing}
        new = [row for row in copied.values() if row.file_name not in known]
        try:
            (dataset.folder / "audio").mkdir(exist_ok=True)
            for row in new:
                target = dataset.folder / row.file_name
                (staging / target.name).replace(target)
                moved.append(target)
            snapshot.write(dataset.folder, [*existing, *new])
        except BaseException:
            for target in moved:
                target.unlink()
            raise
    return len(new)


def _existing_clips(dataset: Dataset) -> list[DatasetClip]:
    return dataset.clips() if (dataset.folder / TABLE_NAME).exists() else []


def _file_name(name: str, sha256: str) -> str:
    """A safe file name that stays recognisable and is unique to the audio."""
    path = PurePath(name)
    stem, suffix = avoid_split_words(slug(path.stem)), path.suffix.lower()
    safe_suffix = suffix if suffix in AUDIO_SUFFIXES else ""
    return "-".join(filter(None, [stem, sha256[:10]])) + safe_suffix
