"""Change many clips at once, with an undo button for as long as the page is open."""

from collections.abc import Iterable

import streamlit as st

from lab.dataset import Action, Dataset, DatasetClip
from lab.ui import formatting
from lab.ui.datasets.shared import editor_name
from lab.ui.feedback import attempt, show_failure


def change_clips(
    dataset: Dataset, edits: Iterable[tuple[DatasetClip, DatasetClip]], what: str
) -> None:
    """Apply edits (before, after) as one action that can be undone; for a button's `on_click`.

    what: name of the action in the history
    """

    def change() -> None:
        action = dataset.change(edits, what=what, by=editor_name())
        dataset.compact()
        st.session_state[_key(dataset, what)] = action

    attempt(change)


def show_undo(dataset: Dataset, what: str) -> None:
    """Show how many clips `change_clips` changed, with an undo button; or why it failed."""
    show_failure()
    action: Action | None = st.session_state.get(_key(dataset, what))
    if action is None:
        return
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown(
        f":green[:material/check:] {formatting.count(len(action.changes), 'clip')} changed.",
        width="content",
    )

    def undo() -> None:
        dataset.undo(action, by=editor_name())
        dataset.compact()
        del st.session_state[_key(dataset, what)]

    row.button(
        "Undo",
        key=f"undo_{what}",
        icon=":material/undo:",
        on_click=attempt,
        args=(undo,),
        help="Restores the previous values, except where a clip has been changed since.",
    )


def _key(dataset: Dataset, what: str) -> str:
    return f"bulk_edit_{what}_{dataset.name}"
