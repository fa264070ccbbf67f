"""What was done to a clip, with a way back."""

from collections.abc import Callable

import streamlit as st

from lab.dataset import Action, Dataset, Entry
from lab.ui import words

_MOST = 20


def show_history(dataset: Dataset, entry: Entry, *, on_undo: Callable[[Action], None]) -> None:
    """Who changed the clip, when, and what it was before, the last change first.

    on_undo: called before the page is drawn again, with the action to take back
    """
    history = st.expander("History of this clip", icon=":material/history:", on_change="rerun")
    if not history.open:
        return
    with history:
        past = [
            action
            for action in dataset.history()
            if any(change.file_name == entry.file_name for change in action.changes)
        ]
        if not past:
            st.caption("Nobody has changed it yet.")
        for action in past[: -_MOST - 1 : -1]:
            _action(entry, action, on_undo)


def _action(entry: Entry, action: Action, on_undo: Callable[[Action], None]) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    change = next(one for one in action.changes if one.file_name == entry.file_name)
    fields = [
        f"{name}: {words.plain(change.before.get(name, '')) or '–'} → {words.plain(value) or '–'}"
        for name, value in change.after.items()
    ]
    who = words.plain(action.by) or "somebody"
    when = words.plain(action.at[:16].replace("T", " "))
    others = len(action.changes) - 1
    more = f", with {words.count(others, 'other clip')}" if others else ""
    row.markdown(
        f"**{words.plain(action.what)}** by {who}, {when} UTC{more}  \n" + "  \n".join(fields),
        width="stretch",
    )
    row.button(
        "Undo",
        key=f"history_undo_{action.id}",
        icon=":material/undo:",
        on_click=on_undo,
        args=(action,),
        help="All of this action is taken back where nobody has changed it since.",
    )
