"""The history of a clip, with undo."""

from collections.abc import Callable

import streamlit as st

from lab.dataset import Action, Dataset, DatasetClip
from lab.ui import formatting

_MAX_ACTIONS = 20


def show_history(dataset: Dataset, clip: DatasetClip, *, on_undo: Callable[[Action], None]) -> None:
    """Show who changed the clip, when, and how, most recent first.

    on_undo: called before the rerun with the action to undo
    """
    history = st.expander("Clip history", icon=":material/history:", on_change="rerun")
    if not history.open:
        return
    with history:
        actions = [
            action
            for action in dataset.history()
            if any(change.file_name == clip.file_name for change in action.changes)
        ]
        if not actions:
            st.caption("No changes yet.")
        for action in actions[: -_MAX_ACTIONS - 1 : -1]:
            _show_action(clip, action, on_undo)


def _show_action(clip: DatasetClip, action: Action, on_undo: Callable[[Action], None]) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    change = next(change for change in action.changes if change.file_name == clip.file_name)
    escape = formatting.escape
    fields = [
        f"{name}: {escape(change.before.get(name, '')) or '–'} → {escape(value) or '–'}"
        for name, value in change.after.items()
    ]
    who = escape(action.by) or "unknown"
    when = escape(action.at[:16].replace("T", " "))
    n_others = len(action.changes) - 1
    others = f", with {formatting.count(n_others, 'other clip')}" if n_others else ""
    row.markdown(
        f"**{escape(action.what).capitalize()}** by {who}, {when} UTC{others}  \n"
        + "  \n".join(fields),
        width="stretch",
    )
    row.button(
        "Undo",
        key=f"history_undo_{action.id}",
        icon=":material/undo:",
        on_click=on_undo,
        args=(action,),
        help="Undoes the whole action, except where a clip has been changed since.",
    )
