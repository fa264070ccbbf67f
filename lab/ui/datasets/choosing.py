"""Which dataset, and which of its rooms; the address remembers both."""

from collections.abc import Iterable

import streamlit as st

from lab import dataset as datasets
from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.dataset.statistics import summary
from lab.ui import words
from lab.ui.datasets.shared import frame
from lab.ui.state import import_queue

_DATASET, _ROOM, _LAST, _IMPORTING = "dataset", "room", "last_dataset", "importing"


def choose_dataset(workspace: Workspace) -> Dataset | None:
    """The dataset that the person looks at; None while they bring in another one."""
    known = {one.name: one for one in datasets.list_all(workspace)}
    if not known:
        st.markdown(
            "A dataset is clips of speech, each with the text of what is said. Bring one in here, "
            "try a sample, or cut recordings into clips on the page **Prepare**."
        )
        # What comes of the first import is to be read before its dataset opens.
        st.session_state[_IMPORTING] = bool(import_queue().jobs(workspace))
        return None
    names = list(known)
    asked = st.query_params.get(_DATASET) or st.session_state.get(_LAST)
    row = st.container(horizontal=True, vertical_alignment="center")
    name = row.selectbox(
        "Dataset",
        names,
        index=names.index(asked) if asked in known else 0,
        label_visibility="collapsed",
        width=320,
    )
    st.query_params[_DATASET] = st.session_state[_LAST] = name
    if failure := st.session_state.pop("delete_failure", None):
        st.error(words.plain(failure), icon=":material/error:")
    if row.toggle("Bring in another", key=_IMPORTING):
        return None
    with row.popover("Delete", icon=":material/delete:"):
        st.markdown(
            f"This removes **{words.plain(name)}** from the disk: its sound, its texts and the "
            "history of its corrections."
        )
        st.button("Delete for good", type="primary", on_click=_delete, args=(known[name],))
    return known[name]


def open_dataset(name: str, room: str = "Browse") -> None:
    """Show a dataset from the next run of the page on; for a button's `on_click`."""
    st.query_params[_DATASET] = name
    st.session_state[_ROOM] = room
    st.session_state[_IMPORTING] = False


def choose_room(rooms: Iterable[str]) -> str:
    """What the person wants to do with the dataset."""
    return str(
        st.segmented_control(
            "Room",
            list(rooms),
            default="Browse",
            required=True,
            key=_ROOM,
            bind="query-params",
            label_visibility="collapsed",
        )
    )


def show_summary(dataset: Dataset) -> None:
    """The dataset in a line; raises LabError where it cannot be read."""
    total = summary(frame(dataset))
    parts = [
        words.length(total.hours * 3600),
        words.count(total.n_clips, "clip"),
        words.count(total.n_speakers, "speaker") if total.n_speakers else "speakers unknown",
        f"{total.n_with_text} with text",
        f"{total.n_corrected} corrected",
    ]
    if total.n_excluded:
        parts.append(f"{total.n_excluded} left out")
    st.markdown(":gray[" + " · ".join(parts) + "]")


def _delete(dataset: Dataset) -> None:
    try:
        datasets.delete(dataset)
    except LabError as error:
        st.session_state["delete_failure"] = str(error)
