"""Actions behind buttons: what to do when one fails, and asking before something is deleted."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from lab.core.errors import LabError
from lab.ui import formatting

_FAILURE = "action_failure"


def attempt(action: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Call an action, for a button's `on_click`; `show_failure` shows the LabError it may raise."""
    try:
        action(*args, **kwargs)
    except LabError as error:
        st.session_state[_FAILURE] = str(error)


def show_failure() -> None:
    """Show why the last action failed, until the next rerun; nothing if it succeeded."""
    if failure := st.session_state.pop(_FAILURE, None):
        show_error(failure)


def show_error(error: LabError | str) -> None:
    """Show the message of an error."""
    st.error(formatting.escape(str(error)), icon=":material/error:")


def delete_popover(
    warning: str, action: Callable[..., Any], *args: Any, disabled: bool = False
) -> None:
    """Show a button that asks for confirmation, then calls `action`, as `attempt` does.

    warning: Markdown that says what is deleted
    """
    with st.popover("Delete", icon=":material/delete:", disabled=disabled):
        st.markdown(warning)
        st.button(
            "Delete permanently",
            type="primary",
            on_click=attempt,
            args=(action, *args),
            key=f"delete_with_{action.__module__}",  # a page may have several
        )
