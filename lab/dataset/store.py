"""A dataset on the disk: reading it, and changing it so that nothing is ever lost.

A change is a line in the journal first; the table, which is as long as the dataset, is written
anew once enough of them have come together, and whenever `settle` is called.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from filelock import FileLock, Timeout

from lab.core.errors import OptionsError, WorkspaceError
from lab.core.workspace import Workspace, child, slug
from lab.dataset import journal, snapshot
from lab.dataset.journal import JOURNAL_NAME, Action, Change
from lab.dataset.snapshot import CHANGEABLE
from lab.dataset.table import CORRECTED, TABLE_NAME, Entry

# The table is written anew when the changes that it lacks take this share of its size.
_UNSETTLED_SHARE = 0.01
_PATIENCE_S = 30.0


class ChangedMeanwhileError(WorkspaceError):
    """Somebody else has changed the same clip since it was read.

    entry: the clip as it is now
    """

    def __init__(self, entry: Entry) -> None:
        super().__init__(
            f"Somebody else has changed {entry.file_name} meanwhile: it now says "
            f"“{entry.transcription[:200]}”. Look at both texts and keep one."
        )
        self.entry = entry


@dataclass(frozen=True)
class Dataset:
    """A folder of clips with a table."""

    name: str
    folder: Path

    def entries(self) -> list[Entry]:
        """All clips, in the order in which they were added; raises WorkspaceError."""
        return list(snapshot.current(self.folder).clips.values())

    def by_name(self) -> Mapping[str, Entry]:
        """All clips by file name, as they are at this moment; raises WorkspaceError."""
        return MappingProxyType(snapshot.current(self.folder).clips)

    def revision(self) -> tuple[int, int, int]:
        """Another one after each change; costs next to nothing."""
        written = snapshot.known_by(self.folder / TABLE_NAME)
        return (*written, snapshot.known_by(self.folder / JOURNAL_NAME)[1])

    def audio_path(self, entry: Entry) -> Path:
        """Where the sound of a clip lies; raises WorkspaceError for a name that leads elsewhere."""
        path = (self.folder / entry.file_name).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise WorkspaceError(
                f"The table of {self.name} names a file outside of the dataset: "
                f"“{entry.file_name[:80]}”. Correct that line of {TABLE_NAME}."
            )
        return path

    def change(
        self, edits: Iterable[tuple[Entry, Entry]], *, what: str, by: str = ""
    ) -> Action | None:
        """Change clips, all or none; it is on the disk when this returns.

        edits: each clip as the person saw it, and as it is to be (text, split, speaker, language
            or status)
        what, by: for the history

        Returns what was done, None where nothing differs. Raises ChangedMeanwhileError if somebody
        else has changed one of the fields, or a text that is now called right, to something else,
        OptionsError for a text that no file can hold, WorkspaceError when the disk refuses.
        """
        with locked(self):
            now = snapshot.current(self.folder).clips
            changes = tuple(
                change for seen, wanted in edits if (change := _change(now, seen, wanted))
            )
            return self._write_down(journal.action(what, by, changes), now) if changes else None

    def undo(self, action: Action, *, by: str = "") -> Action | None:
        """Take an action back where nothing else has changed since; the rest of it stays.

        Returns what was done, None where nothing could be taken back.
        """
        with locked(self):
            now = snapshot.current(self.folder).clips
            changes = tuple(
                Change(change.file_name, change.after, change.before)
                for change in action.changes
                if _has(now.get(change.file_name), change.after)
            )
            undoing = journal.action("undone", by, changes, undoes=action.id)
            return self._write_down(undoing, now) if changes else None

    def history(self) -> list[Action]:
        """What was ever changed, the first one first; raises WorkspaceError."""
        return journal.read(self.folder)

    def settle(self) -> None:
        """Write all changes into the table, for programs that know nothing of the journal."""
        with locked(self):
            state = snapshot.current(self.folder)
            if not state.is_settled:
                write(self, list(state.clips.values()))

    def _write_down(self, action: Action, before: Mapping[str, Entry]) -> Action:
        size = journal.append(self.folder, action)
        unsettled = size - snapshot.settled(self.folder)
        table_size = snapshot.known_by(self.folder / TABLE_NAME)[1]
        if unsettled > _UNSETTLED_SHARE * table_size:
            # The change is safe already; a table that cannot be written now is written later.
            with suppress(WorkspaceError):
                write(self, list(snapshot.after(before, [action]).values()))
        return action


def list_all(workspace: Workspace) -> list[Dataset]:
    """All datasets, by name."""
    return [
        Dataset(path.parent.name, path.parent)
        for path in sorted(datasets_dir(workspace).glob(f"*/{TABLE_NAME}"))
    ]


def find(workspace: Workspace, name: str) -> Dataset:
    """The dataset with this name, which may come from a URL; raises OptionsError if none has it."""
    found = next((one for one in list_all(workspace) if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in list_all(workspace)) or "there is none yet"
        raise OptionsError(f"There is no dataset “{name[:40]}”; choose one of: {names}.")
    return found


def delete(dataset: Dataset) -> None:
    """Remove a dataset and its sound for good; raises WorkspaceError."""
    with locked(dataset):
        try:
            (dataset.folder / TABLE_NAME).unlink()  # nobody opens it any more
            shutil.rmtree(dataset.folder)
        except OSError as error:
            raise WorkspaceError(
                f"{dataset.folder} cannot be removed ({error.strerror or error})."
            ) from error
    snapshot.forget(dataset.folder)


def called(workspace: Workspace, name: str) -> Dataset:
    """The dataset that a person calls `name`, whether there is one or not; raises OptionsError."""
    dataset_id = slug(name)
    if not dataset_id:
        raise OptionsError("Give the dataset a name with letters or digits, such as “albanian”.")
    return Dataset(dataset_id, child(datasets_dir(workspace), dataset_id))


def datasets_dir(workspace: Workspace) -> Path:
    return workspace.root / "datasets"


@contextmanager
def locked(dataset: Dataset) -> Iterator[None]:
    """Be the only one, of all threads and programs, that changes a dataset.

    Whoever waits for more than half a minute gets a WorkspaceError.
    """
    path = dataset.folder.with_name(f".{dataset.name}.lock")
    lock = FileLock(path, timeout=_PATIENCE_S)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise WorkspaceError(
            f"The dataset {dataset.name} is being changed by another program. Try again soon."
        ) from None
    except OSError as error:
        raise WorkspaceError(
            f"{path} cannot be written ({error.strerror or error}), so nothing can be changed. "
            "Choose a workspace that you may write to."
        ) from error
    try:
        yield
    finally:
        lock.release()


def write(dataset: Dataset, entries: Sequence[Entry]) -> None:
    """Write all clips into the table, which then holds everything of the journal.

    The caller holds the lock and has put the journal's changes into `entries`. Raises
    WorkspaceError, with the table as it was.
    """
    snapshot.write(dataset.folder, entries)


def _change(now: Mapping[str, Entry], seen: Entry, wanted: Entry) -> Change | None:
    current = now.get(seen.file_name)
    if current is None:
        raise WorkspaceError(f"{seen.file_name[:80]} is no clip of this dataset any more.")
    is_said_right = wanted.status == CORRECTED != seen.status
    if is_said_right and current.transcription not in (seen.transcription, wanted.transcription):
        raise ChangedMeanwhileError(current)
    before, after = {}, {}
    for name in CHANGEABLE:
        old, new, value = (getattr(entry, name) for entry in (seen, wanted, current))
        if new in (old, value):
            continue
        if value != old:
            raise ChangedMeanwhileError(current)
        if not _can_be_written(new):
            raise OptionsError("The text holds half of a character, which no file can. Retype it.")
        before[name], after[name] = old, new
    return Change(seen.file_name, before, after) if after else None


def _has(entry: Entry | None, values: Mapping[str, str]) -> bool:
    return entry is not None and all(
        getattr(entry, name, None) == value for name, value in values.items()
    )


def _can_be_written(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
