"""Changing many clips at once, with a way back as long as the page is open."""

from collections.abc import Iterable

import streamlit as st

from lab.core.errors import LabError
from lab.dataset import Action, Dataset, Entry
from lab.ui import words
from lab.ui.datasets.shared import person

_FAILURE = "change_failure"


def change_all(dataset: Dataset, edits: Iterable[tuple[Entry, Entry]], what: str) -> None:
    """Change clips as one action that can be taken back; for a button's `on_click`."""
    try:
        action = dataset.change(edits, what=what, by=person())
        dataset.settle()
    except LabError as error:
        st.session_state[_FAILURE] = str(error)
    else:
        st.session_state[_key(dataset, what)] = action


def show_undo(dataset: Dataset, what: str) -> None:
    """What came of `change_all`: its failure, or how much it changed and a button to undo it."""
    if failure := st.session_state.pop(_FAILURE, None):
        st.error(words.plain(failure), icon=":material/error:")
    action: Action | None = st.session_state.get(_key(dataset, what))
    if action is None:
        return
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown(
        f":green[:material/check:] {words.count(len(action.changes), 'clip')} changed.",
        width="content",
    )
    row.button(
        "Undo",
        key=f"undo_{what}",
        icon=":material/undo:",
        on_click=_undo,
        args=(dataset, action, what),
        help="Puts back what was there, except where somebody has changed it since.",
    )


def _undo(dataset: Dataset, action: Action, what: str) -> None:
    try:
        dataset.undo(action, by=person())
        dataset.settle()
    except LabError as error:
        st.session_state[_FAILURE] = str(error)
    else:
        del st.session_state[_key(dataset, what)]


def _key(dataset: Dataset, what: str) -> str:
    return f"done_{what}_{dataset.name}"
