"""Errors shown on the page, and buttons that ask before something is deleted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show the LabError that ends the `with` block, if any; the page continues after the block."""
    try:
        yield
    except LabError as error:
        show_error(error)


@contextmanager
def progress_bar(text: str) -> Iterator[Callable[..., None]]:
    """Show a progress bar until the `with` block ends, and the LabError that ends it, if any.

    text: shown until the first progress
    Yields the `on_progress` to pass on: called with what is done, the total, and a note.
    """
    bar = st.progress(0.0, text)

    def on_progress(done: float, total: float, note: str = "") -> None:
        bar.progress(done / total, note)

    with errors_shown():
        yield on_progress
    bar.empty()


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
