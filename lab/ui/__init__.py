"""The browser interface, the only package that imports Streamlit: pages call it, it calls `lab`."""

from lab.ui.page import open_page

__all__ = ["open_page"]
