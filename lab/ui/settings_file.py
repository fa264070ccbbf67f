"""Save settings to a YAML file, and load them from one."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from lab.core.settings import Settings
from lab.ui.downloads import download_button, upload_field

S = TypeVar("S", bound=Settings)


def settings_file(
    kind: type[S], settings: S | None, *, file_name: str, about: str, on_load: Callable[[S], None]
) -> None:
    """Show a popover to download the settings, or to upload others.

    settings: the current ones; None while they are invalid
    about: Markdown at the top of the popover
    on_load: called with the uploaded settings, before the page runs again; may raise LabError
    """

    def load(content: bytes | None) -> None:
        if content is not None:
            on_load(kind.from_yaml(content.decode("utf-8", "replace")))

    with st.popover(file_name, icon=":material/receipt_long:"):
        st.markdown(about)
        download_button(
            settings.to_yaml() if settings else "",
            file_name,
            mime="application/yaml",
            label="Download",
            disabled=settings is None,
        )
        upload_field("Upload", ["yaml", "yml"], key=f"upload_{file_name}", on_load=load)
