"""What the tabs of a dataset share: its clips and table, cached, and the editor's name."""

from typing import Any

import pandas as pd
import streamlit as st

from lab.core.errors import LabError
from lab.dataset import Dataset, DatasetClip, filters, statistics
from lab.ui.feedback import show_error

_EDITOR = "editor_name"

# For functions cached by Streamlit: computed again after each change of the dataset.
DATASET_HASH: dict[str | type, Any] = {
    Dataset: lambda dataset: (str(dataset.folder), *dataset.revision())
}


@st.cache_resource(max_entries=4, show_spinner="Loading the dataset …", hash_funcs=DATASET_HASH)
def load_clips(dataset: Dataset) -> tuple[DatasetClip, ...]:
    """All clips of the dataset, cached until it changes; raises LabError."""
    return tuple(dataset.clips())


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=DATASET_HASH)
def load_table(dataset: Dataset) -> pd.DataFrame:
    """The clips as `lab.dataset.statistics.frame` gives them, cached; do not modify it.

    Raises LabError.
    """
    return statistics.frame(load_clips(dataset))


def filter_clips(table: pd.DataFrame, **options: Any) -> tuple[pd.DataFrame, bool]:
    """Let the person filter the table; returns the rows, and whether the filter is valid.

    options: as for `st.text_input`
    """
    icon = ":material/filter_alt:"
    query = st.text_input("Filter", placeholder=filters.EXAMPLE, icon=icon, **options).strip()
    try:
        return (table[filters.parse(query).mask(table)] if query else table), True
    except LabError as error:
        show_error(error)
        return table, False


def choose_page(n_rows: int, *, page_size: int, key: str, initial: int = 1) -> slice:
    """Let the person choose a page of a long table; returns its rows."""
    n_pages = -(-n_rows // page_size)
    page = initial
    if n_pages > 1:
        page = st.number_input(
            f"Page (of {n_pages:,})", 1, n_pages, initial, key=f"{key}_{n_rows}", width=160
        )
    return slice((page - 1) * page_size, page * page_size)


def editor_name() -> str:
    """The name the person entered; "" if none."""
    return str(st.session_state.get(_EDITOR, ""))


def ask_editor_name() -> None:
    """Show a field for the person's name, which is recorded in the history of the dataset."""
    st.text_input(
        "Your name",
        key=_EDITOR,
        max_chars=60,
        placeholder="Optional; recorded in the history",
        persist_state="session",
    )
