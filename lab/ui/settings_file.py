"""Save settings to a YAML file, and load them from one."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from lab.core.errors import LabError
from lab.core.settings import Settings
from lab.ui.actions import show_error
from lab.ui.downloads import download_button

S = TypeVar("S", bound=Settings)


def settings_file(
    kind: type[S],
    settings: S | None,
    *,
    file_name: str,
    about: str,
    on_load: Callable[[S], None],
) -> None:
    """Show a popover to download the settings, or to upload others.

    settings: the current ones; None while they are invalid
    about: Markdown at the top of the popover
    on_load: called with the uploaded settings, before the page runs again; may raise LabError
    """
    key = f"upload_{file_name}"
    with st.popover(file_name, icon=":material/receipt_long:"):
        st.markdown(about)
        download_button(
            settings.to_yaml() if settings else "",
            file_name,
            mime="application/yaml",
            label="Download",
            disabled=settings is None,
        )
        st.file_uploader(
            "Upload", type=["yaml", "yml"], key=key, on_change=_load, args=(kind, key, on_load)
        )
        if problem := st.session_state.get(f"{key}_problem"):
            show_error(problem)


def _load(kind: type[S], key: str, on_load: Callable[[S], None]) -> None:
    uploaded = st.session_state[key]
    st.session_state[f"{key}_problem"] = ""
    if uploaded is None:
        return
    try:
        on_load(kind.from_yaml(uploaded.getvalue().decode("utf-8", "replace")))
    except LabError as error:
        st.session_state[f"{key}_problem"] = str(error)
