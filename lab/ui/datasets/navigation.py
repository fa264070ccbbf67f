"""Which dataset is open, and which of its tabs; both are kept in the URL."""

from collections.abc import Collection

import streamlit as st

from lab import dataset as datasets
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.dataset.statistics import summary
from lab.ui import formatting
from lab.ui.controls import choose_remembered, choose_tab, open_view
from lab.ui.datasets.shared import load_table
from lab.ui.feedback import delete_popover, show_failure
from lab.ui.server import server
from lab.ui.tables import show_facts

TAB = "tab"
_OLD_TAB = "room"  # the parameter's name in older bookmarks
_DATASET, _IMPORTING, _CLIP = "dataset", "importing", "clip"


def choose_dataset(workspace: Workspace) -> Dataset | None:
    """Let the person choose a dataset; None while they import another one."""
    by_name = {dataset.name: dataset for dataset in datasets.list_all(workspace)}
    if not by_name:
        st.markdown(
            "A dataset is a set of speech clips, each with a transcript. Import one here, try a "
            "sample, or cut recordings into clips on the **Prepare** page."
        )
        # The result of the first import stays visible until its dataset is opened.
        st.session_state[_IMPORTING] = bool(server().imports.jobs(workspace))
        return None
    show_failure()
    with st.container(horizontal=True, vertical_alignment="center"):
        name = choose_remembered(
            "Dataset", list(by_name), param=_DATASET, label_visibility="collapsed", width=320
        )
        if st.toggle("Import another", key=_IMPORTING):
            return None
        delete_popover(
            f"This permanently deletes **{formatting.escape(name)}**: its audio, its texts and "
            "its correction history.",
            datasets.delete,
            by_name[name],
        )
    return by_name[name]


def choose_dataset_tab(tabs: Collection[str]) -> str:
    """Let the person choose a tab of the dataset; bookmarks with its old parameter still work."""
    if (bookmarked := st.query_params.pop(_OLD_TAB, "")) in tabs:
        open_view(bookmarked, key=TAB)
    return choose_tab(tabs, key=TAB)


def open_dataset(name: str, tab: str = "Browse", *, clip: str = "") -> None:
    """Show a dataset after the next rerun; for a button's `on_click`.

    clip: file name of the clip to open in the tab; "" for none in particular
    """
    st.query_params[_DATASET] = name
    open_view(tab, key=TAB)
    st.session_state[_IMPORTING] = False
    if clip:
        set_clip(clip)


def requested_clip() -> str:
    """File name of the clip in the URL; "" if none."""
    return st.query_params.get(_CLIP, "")


def set_clip(file_name: str) -> None:
    """Put a clip in the URL, so that a reload or a shared link returns to it."""
    st.query_params[_CLIP] = file_name


def show_summary(dataset: Dataset) -> None:
    """Show the size of the dataset in one line; raises LabError."""
    total = summary(load_table(dataset))
    show_facts(
        formatting.duration(total.hours * 3600),
        formatting.count(total.n_clips, "clip"),
        formatting.count(total.n_speakers, "speaker") if total.n_speakers else "speakers unknown",
        f"{total.n_with_text} with text",
        f"{total.n_corrected} corrected",
        f"{total.n_excluded} excluded" if total.n_excluded else "",
    )
