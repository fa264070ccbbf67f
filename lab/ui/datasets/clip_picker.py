"""Choose a clip of a dataset on another page."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import streamlit as st

from lab import dataset as datasets
from lab.core.workspace import Workspace
from lab.ui.actions import errors_shown


@dataclass(frozen=True)
class ClipAudio:
    """The audio of a dataset clip, for widgets that show any `AudioSource`."""

    dataset: str
    audio_path: Path

    @property
    def id(self) -> str:
        return f"{self.dataset}-{self.stem}"

    @property
    def name(self) -> str:
        return self.audio_path.name

    @property
    def stem(self) -> str:
        return self.audio_path.stem


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
            chosen = ClipAudio(dataset.name, dataset.audio_path(clip))
    return chosen
