"""Clips come into a dataset: a few from another page, or those of a whole corpus."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import MappingProxyType

from lab import audio
from lab.core.errors import AudioError, OptionsError, WorkspaceError
from lab.core.languages import LANGUAGES
from lab.core.progress import Progress, ignore
from lab.core.staging import Staging
from lab.core.workspace import Workspace, atomic_write, slug
from lab.dataset import store
from lab.dataset.names import without_split_words
from lab.dataset.store import Dataset, called, locked
from lab.dataset.table import NEW, STATUSES, TABLE_NAME, Entry
from lab.importers import Clip, Problem
from lab.preprocess.archive import SUFFIXES


@dataclass(frozen=True)
class Imported:
    """What an import has done.

    n_new, n_known: clips that were added, and that were there before with the same name and sound
    refused: clips whose sound cannot be read, with the reason
    """

    dataset: Dataset
    n_new: int
    n_known: int
    refused: list[Problem]


def add(
    workspace: Workspace,
    name: str,
    clips: Iterable[tuple[str, bytes]],
    *,
    language: str,
    texts: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Dataset, int]:
    """Add clips to the dataset `name`, which is made if there is none.

    clips: a name and the bytes of an audio file each; one that is there already is passed over
    language: Whisper's code of what is spoken
    texts: what is said, by the names of the clips, as far as it is known

    Returns the dataset and how many clips are new.
    Raises OptionsError for a name without letters, WorkspaceError when the disk refuses; what was
    in the dataset before stays as it was.
    """
    dataset = called(workspace, name)
    with locked(dataset):
        entries = _entries_if_any(dataset)
        known = {entry.file_name for entry in entries}
        n_before = len(entries)
        for clip_name, content in clips:
            file_name = f"audio/{_file_name(clip_name, hashlib.sha256(content))}"
            if file_name not in known:
                with atomic_write(dataset.folder / file_name) as beside:
                    beside.write_bytes(content)
                known.add(file_name)
                entries.append(
                    Entry(
                        file_name,
                        " ".join(texts.get(clip_name, "").split()),
                        language=language,
                        duration_s=_length_s(content),
                    )
                )
        store.write(dataset, entries)
    return dataset, len(entries) - n_before


def import_clips(
    workspace: Workspace,
    name: str,
    clips: Iterable[Clip],
    *,
    language: str,
    may_move: bool = False,
    on_progress: Progress = ignore,
) -> Imported:
    """Copy clips with their texts into the dataset `name`, which is made if there is none.

    clips: from `lab.importers`; of their sound only the headers are read
    language: Whisper's code, for clips that have none of their own
    may_move: whether the files of the clips may be moved instead of copied, since they lie in a
        folder of this program, on the same disk
    on_progress: called for each clip, in clips, as the tables are read and then as the sound is
        copied; raising `Cancelled` from it stops the import

    All clips are added or, whatever stops it, none. Raises OptionsError for a name without letters,
    an unknown language or when there is no clip that can be read, WorkspaceError when the disk
    refuses.
    """
    dataset = target_of(workspace, name, language)
    waiting: list[Clip] = []
    for clip in clips:  # to know how many there are, for which long tables are read
        waiting.append(clip)
        on_progress(0, len(waiting), "Reading the tables")
    copied: dict[str, Entry] = {}
    refused = []
    with _staging(dataset) as staging:
        for n_done, clip in enumerate(waiting):
            on_progress(n_done, len(waiting), "Copying clips")
            try:
                entry = _copied(clip, language, staging, may_move)
            except AudioError as error:
                refused.append(Problem(clip.audio_path.name, str(error)))
            else:
                copied.setdefault(entry.file_name, entry)
        if not copied:
            raise OptionsError(
                "There is no clip that could be imported. "
                + (refused[0].reason if refused else "Choose the folder that holds the sound.")
            )
        on_progress(len(waiting), len(waiting), "Copying clips")
        _onto_disk()
        n_new = _take_over(dataset, copied, staging)
    return Imported(dataset, n_new, len(waiting) - len(refused) - n_new, refused)


def _length_s(content: bytes) -> float | None:
    """As the header says; None for what is no sound, which the check of the dataset finds."""
    with suppress(AudioError):
        length_s = audio.probe(content).duration_s
        return None if length_s is None else round(length_s, 3)
    return None


def target_of(workspace: Workspace, name: str, language: str) -> Dataset:
    """The dataset that an import goes into, whether there is one or not.

    Raises OptionsError for a name without letters or an unknown language.
    """
    if language not in LANGUAGES:
        raise OptionsError(f"“{language[:40]}” is no language of Whisper; choose one, such as sq.")
    return called(workspace, name)


@contextmanager
def _staging(dataset: Dataset) -> Iterator[Path]:
    """A folder inside of the dataset's, where nobody looks; it is gone afterwards."""
    try:
        with Staging(dataset.folder) as staging:
            yield staging
    except OSError as error:
        raise WorkspaceError(
            f"The clips cannot be copied to {dataset.folder} ({error.strerror or error}). "
            "Free some space or choose another workspace."
        ) from error
    finally:
        for folder in (dataset.folder / "audio", dataset.folder):
            with locked(dataset), suppress(OSError):  # what holds something stays
                folder.rmdir()


def _copied(clip: Clip, language: str, staging: Path, may_move: bool) -> Entry:
    """Copy or move the sound of a clip; raises AudioError where it cannot be read."""
    info = audio.probe(clip.audio_path)
    try:
        with clip.audio_path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise AudioError(
            f"“{clip.audio_path.name}” cannot be read ({error.strerror}). Check the disk."
        ) from error
    file_name = _file_name(clip.audio_path.name, digest)
    if may_move:
        clip.audio_path.replace(staging / file_name)
    else:
        shutil.copyfile(clip.audio_path, staging / file_name)
    return Entry(
        f"audio/{file_name}",
        clip.transcription,
        clip.split,
        clip.speaker,
        clip.language or language,
        clip.status if clip.status in STATUSES else NEW,
        duration_s=None if info.duration_s is None else round(info.duration_s, 3),
    )


def _onto_disk() -> None:
    """Have all that was written reach the disk, before a table names it."""
    # One request for everything: file by file it takes longer than the copying. Windows has only
    # the latter, and writes soon by itself.
    if hasattr(os, "sync"):
        os.sync()


def _take_over(dataset: Dataset, copied: Mapping[str, Entry], staging: Path) -> int:
    """Move what is new from `staging` into the dataset, all or nothing; gives how many it is."""
    moved = []
    with locked(dataset):
        entries = _entries_if_any(dataset)
        known = {entry.file_name for entry in entries}
        new = [entry for entry in copied.values() if entry.file_name not in known]
        try:
            (dataset.folder / "audio").mkdir(exist_ok=True)
            for entry in new:
                target = dataset.folder / entry.file_name
                (staging / target.name).replace(target)
                moved.append(target)
            store.write(dataset, [*entries, *new])
        except BaseException:
            for target in moved:
                target.unlink()
            raise
    return len(new)


def _entries_if_any(dataset: Dataset) -> list[Entry]:
    return dataset.entries() if (dataset.folder / TABLE_NAME).exists() else []


def _file_name(name: str, digest: "hashlib._Hash") -> str:
    """A safe name that tells a person what it is, and differs for different sounds."""
    path = PurePath(name)
    stem, suffix = without_split_words(slug(path.stem)), path.suffix.lower()
    safe_suffix = suffix if suffix in SUFFIXES else ""
    return "-".join(filter(None, [stem, digest.hexdigest()[:10]])) + safe_suffix
