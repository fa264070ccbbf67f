"""Page setup: title and icon, the visitor's workspace, and the sidebar."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import streamlit as st

from lab.asr.devices import cpu_name
from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.ui import formatting, garbage_collector
from lab.ui.refresh import refresh_delay, refresh_in
from lab.ui.server import preload_default_model, server
from lab.ui.visitors import KEPT_HOURS, is_public, visitor_workspace

NAME = "Whisper AI Lab"
# A local file, because for an icon given by name the browser contacts a font server.
_ICON = Path(__file__).with_name("icon.png")
_JUST_REQUESTED = "model_just_requested"


@dataclass(frozen=True)
class Page:
    """A page of the app: its file, its name in the sidebar, its icon.

    needs_model: load the default model in the background when the page is opened
    """

    file: str
    name: str
    icon: str
    needs_model: bool = False


HOME = Page("streamlit_app.py", "Home", ":material/home:")
PREPARE = Page("pages/1_Prepare.py", "Prepare", ":material/content_cut:")
EXPLORE = Page("pages/2_Explore.py", "Explore", ":material/waves:")
TRANSCRIBE = Page(
    "pages/3_Transcribe.py", "Transcribe", ":material/speech_to_text:", needs_model=True
)
DATASETS = Page("pages/4_Datasets.py", "Datasets", ":material/dataset:")
TRAIN = Page("pages/5_Train.py", "Train", ":material/model_training:")
PAGES = (HOME, PREPARE, EXPLORE, TRANSCRIBE, DATASETS, TRAIN)


def open_page(page: Page) -> Workspace:
    """Set up the page and return the workspace. Every page calls this first.

    A deep link to a cold server runs the page alone, so the home page cannot do this for it.
    """
    st.set_page_config(
        page_title=NAME if page is HOME else f"{page.name} · {NAME}",
        page_icon=str(_ICON),
        layout="wide",
    )
    garbage_collector.take_over()
    try:
        workspace = visitor_workspace()
    except LabError as error:
        st.error(str(error), icon=":material/folder_off:")
        st.stop()
    if page.needs_model and preload_default_model(workspace):
        st.session_state[_JUST_REQUESTED] = True
    with st.sidebar:
        st.markdown(f"### :material/graphic_eq: {NAME}")
        for entry in PAGES:
            st.page_link(entry.file, label=entry.name, icon=entry.icon)
        st.space("small")
        _show_system(workspace)
    return workspace


@st.fragment
def _show_system(workspace: Workspace) -> None:
    """The loaded model, the machine and the workspace; refreshed while a model is loading."""
    engine, started = server().engine_pool.loaded, server().engine_pool.loading_since
    # Right after the request, loading may not have started yet.
    is_requested = st.session_state.pop(_JUST_REQUESTED, False)
    is_loading = engine is None and (started is not None or is_requested)
    if engine:
        model, device = f"{engine.name}, {engine.device.precision}", engine.device.name
    else:
        model = "loading …" if is_loading else "will be loaded when needed"
        device = cpu_name()
    memory = psutil.virtual_memory()
    st.caption(f":material/neurology: **Model** {model}")
    st.caption(
        f":material/memory: **Machine** {formatting.escape(device)}, "
        f"{formatting.count(os.cpu_count() or 1, 'core')}, "
        f"{formatting.size(memory.available)} of {formatting.size(memory.total)} memory free"
    )
    location = (
        f"private, deleted {KEPT_HOURS} hours after your last visit"
        if is_public()
        else formatting.escape(str(workspace.root))
    )
    st.caption(f":material/folder: **Workspace** {location}")
    if is_loading:
        waited_s = time.monotonic() - started if started else 0.0
        refresh_in(refresh_delay(waited_s, min_s=0.5, max_s=5.0), key="system_refresh")
