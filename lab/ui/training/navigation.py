"""Which tab, run and dataset of the Train page are open; the URL remembers them."""

from collections.abc import Sequence

import streamlit as st

from lab.training.run import Run
from lab.ui import formatting
from lab.ui.controls import choose_remembered, open_view, remember, remembered
from lab.ui.page import DATASETS

NEW, RUNS, EVALUATE = "New run", "Runs", "Evaluate"
NOTE = "new_run_note"
TAB = "train"
DATASET, _RUN = "dataset", "run"  # query parameters


def state_label(run: Run) -> str:
    """The state of a run, in a word."""
    state = run.status().state
    return {"waiting": "queued", "running": "training"}.get(state, state)


def open_run(name: str) -> None:
    """Show a run after the next rerun; for a button's `on_click`."""
    remember(_RUN, name)
    open_view(RUNS, key=TAB)


def open_new_run(dataset_name: str, *, note: str = "") -> None:
    """Show the settings of a new run after the next rerun; for a button's `on_click`.

    note: a warning to show there
    """
    st.session_state[NOTE] = note
    remember(DATASET, dataset_name)
    open_view(NEW, key=TAB)


def choose_run(runs: Sequence[Run]) -> Run:
    """Let the person choose one of the runs, of which there is at least one."""
    by_name = {run.name: run for run in runs}
    states = {name: state_label(run) for name, run in by_name.items()}
    requested = remembered(_RUN)
    name = choose_remembered(
        "Run",
        list(by_name),
        param=_RUN,
        format_func=lambda name: f"{name} · {states[name]}",
        label_visibility="collapsed",
        width=320,
    )
    if requested and requested not in by_name:
        st.warning(
            f"The run “{formatting.escape(requested[:40])}” no longer exists.",
            icon=":material/search_off:",
        )
    return by_name[name]


def show_no_dataset(message: str) -> None:
    """Show why nothing can be done without a dataset, and a link to where one is imported."""
    st.info(message, icon=":material/dataset:")
    st.page_link(DATASETS.file, label="Import a dataset", icon=DATASETS.icon)
