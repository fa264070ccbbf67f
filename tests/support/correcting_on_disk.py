"""What the tests of corrections share: a dataset of a few clips, and one of them corrected."""

from collections.abc import Sequence
from dataclasses import replace

from lab.core.workspace import Workspace
from lab.dataset import CORRECTED, Action, Dataset, Entry, store


def made(workspace: Workspace, n_clips: int = 3, *, texts: Sequence[str] = ()) -> Dataset:
    """A dataset whose clips have no sound; those without a text of `texts` have none."""
    dataset = store.called(workspace, "a")
    dataset.folder.mkdir(parents=True)
    filled = [*texts, *[""] * n_clips][:n_clips]
    rows = [Entry(f"audio/{n:03d}.wav", text, language="sq") for n, text in enumerate(filled)]
    store.write(dataset, rows)
    return dataset


def correct(dataset: Dataset, place: int, text: str, *, by: str = "Ana") -> Action | None:
    """Correct a clip as it is now."""
    return correct_seen(dataset, dataset.entries()[place], text, by=by)


def correct_seen(dataset: Dataset, seen: Entry, text: str, *, by: str = "Ana") -> Action | None:
    wanted = replace(seen, transcription=text, status=CORRECTED)
    return dataset.change([(seen, wanted)], what="corrected", by=by)


def texts(dataset: Dataset) -> list[str]:
    return [entry.transcription for entry in dataset.entries()]
