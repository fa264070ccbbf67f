"""Download buttons, and a field for uploading one small file."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from lab.core.errors import LabError, OptionsError
from lab.ui.feedback import show_error

# Streamlit serves a download from the server's memory.
MAX_DOWNLOAD_BYTES = 1_000_000_000
_MAX_UPLOAD_MB = 1  # of a settings file or a list of sentences


def upload_field(
    label: str, types: list[str], *, key: str, on_load: Callable[[bytes | None], None]
) -> None:
    """Show a field for a file, and why the last file could not be used.

    types: endings of accepted files, without the dot
    on_load: called with the content before the page runs again, with None when the file is
        removed; may raise LabError
    """

    def load() -> None:
        uploaded = st.session_state[key]
        st.session_state[f"{key}_problem"] = ""
        try:
            if uploaded and uploaded.size > _MAX_UPLOAD_MB << 20:
                raise OptionsError(
                    f"The file is larger than {_MAX_UPLOAD_MB} MB. Choose a smaller one."
                )
            on_load(uploaded.getvalue() if uploaded else None)
        except LabError as error:
            st.session_state[f"{key}_problem"] = str(error)

    st.file_uploader(label, type=types, max_upload_size=_MAX_UPLOAD_MB, key=key, on_change=load)
    if problem := st.session_state.get(f"{key}_problem"):
        show_error(problem)


def download_button(
    data: Callable[[], bytes] | bytes | str,
    file_name: str,
    *,
    mime: str,
    label: str = "Download",
    **options: Any,
) -> None:
    """A download button that does not rerun the page; a callable makes the file when clicked.

    options: as for `st.download_button`
    """
    icon = ":material/download:"
    st.download_button(label, data, file_name, mime, icon=icon, on_click="ignore", **options)


def csv_button(text: Callable[[], str], file_name: str, **options: Any) -> None:
    """A download button for a table. text: returns it as CSV; options: as for `download_button`"""
    # The byte order mark tells Excel that the file is UTF-8.
    options = {"label": "Download CSV", **options}
    download_button(lambda: text().encode("utf-8-sig"), file_name, mime="text/csv", **options)
