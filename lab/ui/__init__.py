"""The browser's side: everything that knows Streamlit. Pages call this, this calls `lab`."""

from lab.ui.frame import open_page

__all__ = ["open_page"]
