"""The browser interface, the only room that imports Streamlit: pages call it, it calls `lab`."""

from lab.ui.page import open_page

__all__ = ["open_page"]
