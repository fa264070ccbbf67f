"""Download buttons."""

from collections.abc import Callable
from typing import Any

import streamlit as st

# Streamlit serves a download from the server's memory.
MAX_DOWNLOAD_BYTES = 1_000_000_000


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
