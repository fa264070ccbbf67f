"""Datasets of the workspace: clips with their texts, as Hugging Face's audiofolder has them.

datasets/albanian/
    audio/talk-0001-3f2a9c1d07.wav   a clip, exactly as it was added
    metadata.csv                     file_name, transcription, split, speaker, language, status

`datasets.load_dataset("audiofolder", data_dir=…)` opens such a folder as it is.
"""

import csv
import hashlib
import io
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePath

from lab.errors import OptionsError, WorkspaceError
from lab.workspace import Workspace, child, slug, written_whole

METADATA_NAME = "metadata.csv"
NEW = "new"  # the status of a clip that nobody has listened to

# Two tabs may add at once: each reads, changes and writes the table as one.
_changing = threading.Lock()


@dataclass(frozen=True)
class Entry:
    """A clip of a dataset. file_name: its path below the folder of the dataset."""

    file_name: str
    transcription: str = ""
    split: str = ""
    speaker: str = ""
    language: str = ""
    status: str = NEW


@dataclass(frozen=True)
class Dataset:
    """A folder of clips with a table."""

    name: str
    folder: Path

    def entries(self) -> list[Entry]:
        """All clips, in the order in which they were added; raises WorkspaceError."""
        path = self.folder / METADATA_NAME
        names = [one.name for one in fields(Entry)]
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            return [Entry(**{name: row[name] for name in names}) for row in rows]
        except (OSError, ValueError, csv.Error, KeyError, TypeError) as error:
            raise WorkspaceError(f"{path} cannot be read: {error!r}.") from error

    def audio_path(self, entry: Entry) -> Path:
        """Where the sound of a clip lies; raises WorkspaceError for a name that leads elsewhere."""
        path = (self.folder / entry.file_name).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise WorkspaceError(
                f"The table of {self.name} names a file outside of the dataset: "
                f"“{entry.file_name[:80]}”. Correct that line of {METADATA_NAME}."
            )
        return path


def list_all(workspace: Workspace) -> list[Dataset]:
    """All datasets, by name."""
    return [
        Dataset(path.parent.name, path.parent)
        for path in sorted(_folder(workspace).glob(f"*/{METADATA_NAME}"))
    ]


def add(
    workspace: Workspace,
    name: str,
    clips: Iterable[tuple[str, bytes]],
    *,
    language: str,
) -> tuple[Dataset, int]:
    """Add clips to the dataset `name`, which is made if there is none.

    clips: a name and the bytes of an audio file each; one that is there already is passed over
    language: Whisper's code of what is spoken

    Returns the dataset and how many clips are new.
    Raises OptionsError for a name without letters, WorkspaceError when the disk refuses; what was
    in the dataset before stays as it was.
    """
    dataset_id = slug(name)
    if not dataset_id:
        raise OptionsError("Give the dataset a name with letters or digits, such as “albanian”.")
    dataset = Dataset(dataset_id, child(_folder(workspace), dataset_id))
    with _changing:
        entries = dataset.entries() if (dataset.folder / METADATA_NAME).exists() else []
        known = {entry.file_name for entry in entries}
        n_before = len(entries)
        for clip_name, content in clips:
            file_name = f"audio/{_file_name(clip_name, content)}"
            if file_name not in known:
                with written_whole(dataset.folder / file_name) as beside:
                    beside.write_bytes(content)
                known.add(file_name)
                entries.append(Entry(file_name, language=language))
        _write(dataset, entries)
    return dataset, len(entries) - n_before


def _file_name(name: str, content: bytes) -> str:
    """A safe name that tells a person what it is, and differs for different sounds."""
    path = PurePath(name)
    digest = hashlib.sha256(content).hexdigest()[:10]
    return "-".join(filter(None, [slug(path.stem), digest])) + path.suffix.lower()


def _write(dataset: Dataset, entries: Iterable[Entry]) -> None:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, [one.name for one in fields(Entry)])
    table.writeheader()
    table.writerows(asdict(entry) for entry in entries)
    with written_whole(dataset.folder / METADATA_NAME) as beside:
        beside.write_bytes(text.getvalue().encode())


def _folder(workspace: Workspace) -> Path:
    return workspace.root / "datasets"
