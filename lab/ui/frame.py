"""What every page begins with: its title, the visitor's workspace and the sidebar."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import streamlit as st

from lab.asr.devices import processor_name
from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.ui import garbage, words
from lab.ui.refresh import pace, refresh_in
from lab.ui.state import engine_pool, warm_up
from lab.ui.visitors import KEPT_HOURS, is_public, visitor_workspace

NAME = "Whisper AI Lab"
# A file of ours: for an icon by name the browser would ask a font server on the internet.
_ICON = Path(__file__).with_name("icon.png")
_ASKED_FOR = "model_asked_for"


@dataclass(frozen=True)
class Page:
    """A page of the app: its file, its name in the sidebar, its icon.

    needs_model: whether the default model is loaded in the background when it is opened
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
    """Set the page up and return the workspace. To be called first.

    A deep link on a cold server runs the page alone, so nothing can be left to the home page.
    """
    st.set_page_config(
        page_title=NAME if page is HOME else f"{page.name} · {NAME}",
        page_icon=str(_ICON),
        layout="wide",
    )
    garbage.take_over()
    try:
        workspace = visitor_workspace()
    except LabError as error:
        st.error(str(error), icon=":material/folder_off:")
        st.stop()
    if page.needs_model and warm_up(workspace):
        st.session_state[_ASKED_FOR] = True
    with st.sidebar:
        st.markdown(f"### :material/graphic_eq: {NAME}")
        for entry in PAGES:
            st.page_link(entry.file, label=entry.name, icon=entry.icon)
        st.space("small")
        _machine(workspace)
    return workspace


@st.fragment
def _machine(workspace: Workspace) -> None:
    """Model, device and workspace, as they are when the page is drawn or a model is loaded."""
    engine, since = engine_pool().loaded, engine_pool().loading_since
    # Just asked for, it may be about to begin.
    is_asked_for = st.session_state.pop(_ASKED_FOR, False)
    is_loading = engine is None and (since is not None or is_asked_for)
    if engine:
        model = f"{engine.name}, in {engine.device.precision}"
        device = engine.device.name
    else:
        model = "is being loaded" if is_loading else "loaded when first needed"
        device = processor_name()
    memory = psutil.virtual_memory()
    st.caption(f":material/neurology: **Model** {model}")
    st.caption(
        f":material/memory: **Machine** {words.plain(device)}, "
        f"{words.count(os.cpu_count() or 1, 'core')}, "
        f"{words.size(memory.available)} of {words.size(memory.total)} free"
    )
    place = (
        f"private, removed {KEPT_HOURS} hours after your last visit"
        if is_public()
        else words.plain(str(workspace.root))
    )
    st.caption(f":material/folder: **Workspace** {place}")
    if is_loading:
        waited_s = time.monotonic() - since if since else 0.0
        refresh_in(pace(waited_s, least_s=0.5, most_s=5.0), key="machine_refresh")
