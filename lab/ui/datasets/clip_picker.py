"""Choose a clip of a dataset on another page."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import streamlit as st

from lab import dataset as datasets
from lab.core.workspace import Workspace
from lab.ui.feedback import errors_shown


@dataclass(frozen=True)
class ClipAudio:
    """The audio of a dataset clip, for widgets that show any `AudioSource`."""

    id: str
    name: str
    stem: str
    audio_path: Path


def choose_dataset_clip(workspace: Workspace) -> ClipAudio | None:
    """Ask for a dataset and one of its clips; None unless both are chosen."""
    row = st.container(horizontal=True)
    dataset = row.selectbox(
        "Or a clip from a dataset",
        datasets.list_all(workspace),
        index=None,
        format_func=lambda dataset: dataset.name,
        placeholder="Choose a dataset",
        key="clip_dataset",
    )
    if dataset is None:
        return None
    chosen = None
    with errors_shown():
        clip = row.selectbox(
            "Clip",
            dataset.clips(),
            index=None,
            format_func=lambda clip: clip.transcription or PurePosixPath(clip.file_name).name,
            placeholder="Choose a clip",
            key=f"clip_of_{dataset.name}",
        )
        if clip:
            path = dataset.audio_path(clip)
            chosen = ClipAudio(f"{dataset.name}-{path.stem}", path.name, path.stem, path)
    return chosen
