"""Clips of another page go into a dataset: which one, and what is spoken."""

from collections.abc import Callable, Iterable, Mapping

import streamlit as st

from lab import dataset
from lab.core.errors import LabError
from lab.core.languages import LANGUAGES
from lab.core.workspace import Workspace
from lab.ui import words
from lab.ui.frame import DATASETS


def add_to_dataset(
    workspace: Workspace,
    clips: Callable[[], Iterable[tuple[str, bytes]]],
    *,
    n_clips: int,
    texts: Mapping[str, str],
    language: str | None = None,
) -> None:
    """Ask for the dataset and its language, and a button that adds the clips.

    clips, texts: as `lab.dataset.add` takes them
    language: Whisper's code, where it is known
    """
    name = st.selectbox(
        "Dataset",
        [one.name for one in dataset.list_all(workspace)],
        index=None,
        placeholder="Choose one, or type a new name",
        accept_new_options=True,
        key="dataset_name",
        persist_state="session",
    )
    if language is None:
        language = st.selectbox(
            "Spoken language",
            sorted(LANGUAGES, key=LANGUAGES.__getitem__),
            index=None,
            format_func=LANGUAGES.__getitem__,
            key="dataset_language",
            persist_state="session",
        )
    if st.button(
        f"Add {words.count(n_clips, 'clip')}", type="primary", disabled=not (name and language)
    ):
        try:
            made, n_new = dataset.add(
                workspace, str(name), clips(), language=str(language), texts=texts
            )
        except LabError as error:
            st.error(words.plain(str(error)), icon=":material/error:")
        else:
            known = "" if n_new == n_clips else " (the others were there already)"
            st.success(f"{n_new} added to {made.name}{known}.", icon=":material/check:")
            st.page_link(
                DATASETS.file,
                label=f"Correct {made.name}",
                icon=DATASETS.icon,
                query_params={"dataset": made.name, "room": "Correct"},
            )
