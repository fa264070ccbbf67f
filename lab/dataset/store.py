"""Datasets on disk: reading them, and changing them without ever losing a correction.

A change is first appended to the journal. The table, whose size grows with the dataset, is
rewritten once the journal holds enough that the table lacks, and by `Dataset.compact`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from filelock import FileLock, Timeout

from lab.core.errors import OptionsError, WorkspaceError, disk_errors
from lab.core.workspace import Workspace, item_path, remove, slug
from lab.dataset import journal, snapshot
from lab.dataset.journal import JOURNAL_NAME, Action, Change
from lab.dataset.snapshot import EDITABLE_FIELDS, file_signature
from lab.dataset.table import CORRECTED, TABLE_NAME, DatasetClip

# The table is rewritten when the part of the journal that it lacks exceeds this ratio of its size.
_COMPACTION_RATIO = 0.01
_LOCK_TIMEOUT_S = 30.0


class EditConflictError(WorkspaceError):
    """Somebody else has changed the same clip since it was read.

    current: the clip as it is now
    """

    def __init__(self, current: DatasetClip) -> None:
        super().__init__(
            f"Somebody else has changed {current.file_name} in the meantime. Its text is now "
            f"“{current.transcription[:200]}”. Compare both texts and keep one."
        )
        self.current = current


@dataclass(frozen=True)
class Dataset:
    """A folder of audio clips with a table of their transcriptions.

    Get one with `lab.dataset.find`, `add` or `import_clips`.

    Parameters
    ----------
    name
        Name of the dataset, unique in its workspace.
    folder
        Folder that holds `metadata.csv`.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from tempfile import mkdtemp
    >>> from lab import Workspace, dataset
    >>> workspace = Workspace(Path(mkdtemp()))
    >>> albanian, n_added = dataset.add(
    ...     workspace, "Albanian", [("a.wav", b"...")], texts={"a.wav": "mire"}, language="sq"
    ... )
    >>> (clip,) = albanian.clips()
    >>> action = albanian.change([(clip, replace(clip, transcription="mirë"))], what="corrected")
    >>> albanian.clips()[0].transcription
    'mirë'
    >>> _ = albanian.undo(action)
    >>> albanian.clips()[0].transcription
    'mire'
    """

    name: str
    folder: Path

    def clips(self) -> list[DatasetClip]:
        """All clips, in the order in which they were added; raises WorkspaceError."""
        return list(snapshot.current(self.folder).clips.values())

    def clips_by_name(self) -> Mapping[str, DatasetClip]:
        """All clips by file name; raises WorkspaceError."""
        return MappingProxyType(snapshot.current(self.folder).clips)

    def revision(self) -> tuple[int, int, int]:
        """A cheap key for caches that differs after each change."""
        return (
            *file_signature(self.folder / TABLE_NAME),
            file_signature(self.folder / JOURNAL_NAME)[1],
        )

    def audio_path(self, clip: DatasetClip) -> Path:
        """Path of a clip's audio file; raises WorkspaceError if it is outside the dataset."""
        path = (self.folder / clip.file_name).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise WorkspaceError(
                f"The table of {self.name} refers to a file outside the dataset: "
                f"“{clip.file_name[:80]}”. Correct that line of {TABLE_NAME}."
            )
        return path

    def change(
        self, edits: Iterable[tuple[DatasetClip, DatasetClip]], *, what: str, by: str = ""
    ) -> Action | None:
        """Change clips, all or none; the change is on disk when this returns.

        Parameters
        ----------
        edits
            Pairs of a clip as the person saw it and as it should become. Text, split, speaker,
            language and status can be changed.
        what
            A word or two for the history, such as "corrected".
        by
            Who makes the change, for the history.

        Returns
        -------
        Action | None
            The recorded action; None if nothing differs.

        Raises
        ------
        EditConflictError
            If somebody else has changed one of the fields, or the text that is now marked as
            corrected, to a different value.
        OptionsError
            If a text cannot be encoded.
        WorkspaceError
            If it cannot be written.
        """
        with locked(self):
            current = snapshot.current(self.folder).clips
            changes = tuple(
                change for seen, wanted in edits if (change := _change(current, seen, wanted))
            )
            return self._record(journal.new_action(what, by, changes), current) if changes else None

    def undo(self, action: Action, *, by: str = "") -> Action | None:
        """Undo an action for those of its clips that have not been changed since.

        Returns the recorded action; None if nothing could be undone.
        """
        with locked(self):
            current = snapshot.current(self.folder).clips
            changes = tuple(
                Change(change.file_name, change.after, change.before)
                for change in action.changes
                if _matches(current.get(change.file_name), change.after)
            )
            undoing = journal.new_action("undone", by, changes, undoes=action.id)
            return self._record(undoing, current) if changes else None

    def history(self) -> list[Action]:
        """All actions, oldest first; raises WorkspaceError."""
        return journal.read(self.folder)

    def compact(self) -> None:
        """Write all changes to the table, for programs that do not read the journal."""
        with locked(self):
            state = snapshot.current(self.folder)
            if not state.is_compacted:
                snapshot.write(self.folder, state.clips.values())

    def _record(self, action: Action, before: Mapping[str, DatasetClip]) -> Action:
        journal_size = journal.append(self.folder, action)
        pending = journal_size - snapshot.compacted_state(self.folder)[0]
        if pending > _COMPACTION_RATIO * file_signature(self.folder / TABLE_NAME)[1]:
            # The journal already holds the change; the table can be written another time.
            with suppress(WorkspaceError):
                snapshot.write(self.folder, snapshot.after(before, [action]).values())
        return action


def list_all(workspace: Workspace) -> list[Dataset]:
    """All datasets of a workspace, sorted by name."""
    return [
        Dataset(path.parent.name, path.parent)
        for path in sorted(datasets_dir(workspace).glob(f"*/{TABLE_NAME}"))
    ]


def find(workspace: Workspace, name: str) -> Dataset:
    """Find a dataset by its name, which may come from a URL; raises OptionsError."""
    datasets = {dataset.name: dataset for dataset in list_all(workspace)}
    if name not in datasets:
        names = ", ".join(datasets) or "there are none yet"
        raise OptionsError(f"There is no dataset “{name[:40]}”. Available: {names}.")
    return datasets[name]


def delete(dataset: Dataset) -> None:
    """Delete a dataset with its audio permanently; raises WorkspaceError."""
    with locked(dataset), disk_errors(dataset.folder, "", action="removed"):
        (dataset.folder / TABLE_NAME).unlink()  # first, so that nobody opens it any more
        remove(dataset.folder)
    snapshot.forget(dataset.folder)


def dataset_named(workspace: Workspace, name: str) -> Dataset:
    """The dataset that a person calls `name`, whether it exists or not; raises OptionsError."""
    dataset_id = slug(name)
    if not dataset_id:
        raise OptionsError("Give the dataset a name with letters or digits, such as “albanian”.")
    return Dataset(dataset_id, item_path(datasets_dir(workspace), dataset_id))


def datasets_dir(workspace: Workspace) -> Path:
    return workspace.root / "datasets"


@contextmanager
def locked(dataset: Dataset) -> Iterator[None]:
    """Hold a dataset's lock, which excludes other threads and programs from changing it.

    Raises WorkspaceError if another one holds it for more than half a minute.
    """
    path = dataset.folder.with_name(f".{dataset.name}.lock")
    lock = FileLock(path, timeout=_LOCK_TIMEOUT_S)
    with disk_errors(path, "Nothing can be changed. Choose a workspace that you can write to."):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise WorkspaceError(
                f"The dataset {dataset.name} is being changed by another program. Try again soon."
            ) from None
    try:
        yield
    finally:
        lock.release()


def _change(
    current_clips: Mapping[str, DatasetClip], seen: DatasetClip, wanted: DatasetClip
) -> Change | None:
    current = current_clips.get(seen.file_name)
    if current is None:
        raise WorkspaceError(f"{seen.file_name[:80]} is no longer in this dataset.")
    is_confirmed = wanted.status == CORRECTED != seen.status
    if is_confirmed and current.transcription not in (seen.transcription, wanted.transcription):
        raise EditConflictError(current)
    before, after = {}, {}
    for name in EDITABLE_FIELDS:
        old, new, value = (getattr(clip, name) for clip in (seen, wanted, current))
        if new in (old, value):
            continue
        if value != old:
            raise EditConflictError(current)
        try:
            new.encode()
        except UnicodeEncodeError:
            raise OptionsError(
                "The text contains an unpaired surrogate, which cannot be saved. Type it again."
            ) from None
        before[name], after[name] = old, new
    return Change(seen.file_name, before, after) if after else None


def _matches(clip: DatasetClip | None, values: Mapping[str, str]) -> bool:
    return clip is not None and all(
        getattr(clip, name, None) == value for name, value in values.items()
    )
