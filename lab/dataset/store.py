"""A dataset on the disk: reading it, and changing it so that nothing is ever lost.

A change is a line in the journal first; the table, which is as long as the dataset, is written
anew once enough of them have come together, and whenever `settle` is called. Reading takes the
table and what the journal has on top of it. Laying changes over a table that has them already
does no harm, so whatever is cut off between two writes, the same clips come out.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lab.dataset import journal, table
from lab.dataset.journal import JOURNAL_NAME, Action, Change
from lab.dataset.table import TABLE_NAME, Entry
from lab.errors import OptionsError, WorkspaceError
from lab.workspace import Workspace, child, slug, written_whole

_SETTLED_NAME = ".settled"  # how many bytes of the journal the table holds
_CHANGEABLE = ("transcription", "split", "speaker", "language", "status")
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
        return list(_state(self)[0].values())

    def revision(self) -> tuple[int, int, int]:
        """Another one after each change; costs next to nothing."""
        written = _stat(self.folder / TABLE_NAME)
        return (*written, _stat(self.folder / JOURNAL_NAME)[1])

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
        else has changed one of the fields to something else, WorkspaceError when the disk refuses.
        """
        with locked(self):
            now = _state(self)[0]
            changes = tuple(
                change for seen, wanted in edits if (change := _change(now, seen, wanted))
            )
            return self._write_down(journal.action(what, by, changes), now) if changes else None

    def undo(self, action: Action, *, by: str = "") -> Action | None:
        """Take an action back where nothing else has changed since; the rest of it stays.

        Returns what was done, None where nothing could be taken back.
        """
        with locked(self):
            now = _state(self)[0]
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
            entries, is_settled = _state(self)
            if not is_settled:
                write(self, list(entries.values()))

    def _write_down(self, action: Action, before: Mapping[str, Entry]) -> Action:
        size = journal.append(self.folder, action)
        unsettled = size - _settled(self.folder)
        if unsettled > _UNSETTLED_SHARE * _stat(self.folder / TABLE_NAME)[1]:
            # The change is safe already; a table that cannot be written now is written later.
            with suppress(WorkspaceError):
                write(self, list(_with(before, [action]).values()))
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path, timeout=_PATIENCE_S):
            yield
    except Timeout:
        raise WorkspaceError(
            f"The dataset {dataset.name} is being changed by another program. Try again soon."
        ) from None


def write(dataset: Dataset, entries: Sequence[Entry]) -> None:
    """Write all clips into the table, which then holds everything of the journal.

    The caller holds the lock and has put the journal's changes into `entries`.
    """
    size = _stat(dataset.folder / JOURNAL_NAME)[1]
    table.write(dataset.folder / TABLE_NAME, entries)
    if size:
        with written_whole(dataset.folder / _SETTLED_NAME) as beside:
            beside.write_text(str(size))


def _state(dataset: Dataset) -> tuple[dict[str, Entry], bool]:
    """All clips by file name, and whether the table says the same."""
    # In this order: who writes meanwhile writes the table before it says that it did.
    start = _settled(dataset.folder)
    entries = {entry.file_name: entry for entry in table.read(dataset.folder / TABLE_NAME)}
    actions = journal.read(dataset.folder, start)
    return _with(entries, actions), not actions


def _with(entries: Mapping[str, Entry], actions: Iterable[Action]) -> dict[str, Entry]:
    changed = dict(entries)
    for action in actions:
        for change in action.changes:
            if change.file_name in changed:
                changed[change.file_name] = _changed(changed[change.file_name], change.after)
    return changed


def _changed(entry: Entry, values: Mapping[str, str]) -> Entry:
    fields: dict[str, Any] = {name: values[name] for name in _CHANGEABLE if name in values}
    return replace(entry, **fields)


def _change(now: Mapping[str, Entry], seen: Entry, wanted: Entry) -> Change | None:
    current = now.get(seen.file_name)
    if current is None:
        raise WorkspaceError(f"{seen.file_name[:80]} is no clip of this dataset any more.")
    before, after = {}, {}
    for name in _CHANGEABLE:
        old, new, value = (getattr(entry, name) for entry in (seen, wanted, current))
        if new in (old, value):
            continue
        if value != old:
            raise ChangedMeanwhileError(current)
        before[name], after[name] = old, new
    return Change(seen.file_name, before, after) if after else None


def _has(entry: Entry | None, values: Mapping[str, str]) -> bool:
    return entry is not None and all(
        getattr(entry, name, None) == value for name, value in values.items()
    )


def _settled(folder: Path) -> int:
    try:
        return int((folder / _SETTLED_NAME).read_text())
    except (OSError, ValueError):
        return 0


def _stat(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size
