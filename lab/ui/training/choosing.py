"""Which tab, run and dataset of the page are open; the URL remembers them."""

from collections.abc import Mapping, Sequence

import streamlit as st

from lab.dataset import Dataset
from lab.training.run import Run
from lab.ui import formatting

NEW, RUNS, EVALUATE = "New run", "Runs", "Evaluate"
NOTE = "new_run_note"
TAB = "train"
_RUN, _LAST = "run", "last_run"
_DATASET, _LAST_DATASET = "dataset", "last_dataset"
_STATES = {
    "waiting": "waits",
    "running": "trains",
    "stopping": "stops",
    "stopped": "stopped",
    "failed": "failed",
    "done": "done",
}


def open_run(name: str) -> None:
    """Show a run from the next run of the page on; for a button's `on_click`."""
    st.query_params[_RUN] = st.session_state[_LAST] = name
    st.session_state[TAB] = RUNS


def open_new(dataset_name: str, *, note: str = "") -> None:
    """Begin a new run on a dataset from the next run of the page on; for a button's `on_click`.

    note: what has to be said there
    """
    st.session_state[NOTE] = note
    st.query_params[_DATASET] = st.session_state[_LAST_DATASET] = dataset_name
    st.session_state[TAB] = NEW


def choose_dataset(known: Mapping[str, Dataset]) -> Dataset:
    """The dataset that is learned from; known: at least one, by name"""
    names = list(known)
    asked = str(st.query_params.get(_DATASET) or st.session_state.get(_LAST_DATASET))
    name = st.selectbox("Dataset", names, index=names.index(asked) if asked in known else 0)
    st.query_params[_DATASET] = st.session_state[_LAST_DATASET] = name
    return known[name]


def choose_run(known: Sequence[Run]) -> Run:
    """The run that the person looks at; known: at least one"""
    names = [run.name for run in known]
    asked = st.query_params.get(_RUN) or st.session_state.get(_LAST)
    states = {run.name: _STATES[run.status().state] for run in known}
    name = st.selectbox(
        "Run",
        names,
        index=names.index(asked) if asked in names else 0,
        format_func=lambda one: f"{one} · {states[one]}",
        label_visibility="collapsed",
        width=320,
    )
    if asked and asked not in names:
        st.warning(
            f"There is no run “{formatting.plain(asked[:40])}” any more.",
            icon=":material/search_off:",
        )
    st.query_params[_RUN] = st.session_state[_LAST] = name
    return known[names.index(name)]
