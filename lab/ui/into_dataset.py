"""Add clips from another page to a dataset."""

from collections.abc import Callable, Iterable, Mapping

import streamlit as st

from lab import dataset
from lab.core.workspace import Workspace
from lab.ui import formatting
from lab.ui.controls import choose_language
from lab.ui.feedback import errors_shown
from lab.ui.page import DATASETS


def add_to_dataset(
    workspace: Workspace,
    clips: Callable[[], Iterable[tuple[str, bytes]]],
    *,
    n_clips: int,
    texts: Mapping[str, str],
    language: str | None = None,
) -> None:
    """Ask for a dataset and the spoken language, and show a button that adds the clips.

    clips, texts: as `lab.dataset.add` takes them
    language: Whisper's code; None to ask for it
    """
    name = st.selectbox(
        "Dataset",
        [one.name for one in dataset.list_all(workspace)],
        index=None,
        placeholder="Choose a dataset, or type a new name",
        accept_new_options=True,
        key="dataset_name",
        persist_state="session",
    )
    if language is None:
        language = choose_language(key="dataset_language", persist_state="session")
    label = f"Add {formatting.count(n_clips, 'clip')}"
    if st.button(label, type="primary", disabled=not (name and language)):
        with errors_shown():
            target, n_new = dataset.add(
                workspace, str(name), clips(), language=str(language), texts=texts
            )
            known = "" if n_new == n_clips else " The others were already in it."
            st.success(
                f"{formatting.count(n_new, 'clip')} added to {target.name}.{known}",
                icon=":material/check:",
            )
            st.page_link(
                DATASETS.file,
                label=f"Correct {target.name}",
                icon=DATASETS.icon,
                query_params={"dataset": target.name, "tab": "Correct"},
            )
