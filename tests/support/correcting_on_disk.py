"""Helpers for tests of corrections: a small dataset, and correcting its clips."""

from collections.abc import Sequence
from dataclasses import replace

from lab.core.workspace import Workspace
from lab.dataset import CORRECTED, Action, Dataset, DatasetClip, snapshot, store


def made(workspace: Workspace, n_clips: int = 3, *, texts: Sequence[str] = ()) -> Dataset:
    """Create a dataset of clips without audio. texts: of the first clips; the others have none"""
    dataset = store.dataset_named(workspace, "a")
    dataset.folder.mkdir(parents=True)
    filled = [*texts, *[""] * n_clips][:n_clips]
    rows = [DatasetClip(f"audio/{n:03d}.wav", text, language="sq") for n, text in enumerate(filled)]
    snapshot.write(dataset.folder, rows)
    return dataset


def correct(dataset: Dataset, index: int, text: str, *, by: str = "Ana") -> Action | None:
    """Correct the current text of a clip."""
    return correct_seen(dataset, dataset.clips()[index], text, by=by)


def correct_seen(
    dataset: Dataset, seen: DatasetClip, text: str, *, by: str = "Ana"
) -> Action | None:
    wanted = replace(seen, transcription=text, status=CORRECTED)
    return dataset.change([(seen, wanted)], what="corrected", by=by)


def texts(dataset: Dataset) -> list[str]:
    return [clip.transcription for clip in dataset.clips()]
