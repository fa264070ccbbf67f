"""Datasets: clips with texts, brought in, looked at, corrected, split and taken away."""

import streamlit as st

from lab.core.errors import LabError
from lab.ui import open_page, words
from lab.ui.datasets.browsing import show_browse
from lab.ui.datasets.checkup import show_check
from lab.ui.datasets.choosing import choose_dataset, choose_room, show_summary
from lab.ui.datasets.cleaning import show_clean
from lab.ui.datasets.correcting import show_correct
from lab.ui.datasets.exporting import show_export
from lab.ui.datasets.importing import show_import
from lab.ui.datasets.splitting import show_split
from lab.ui.frame import DATASETS

ROOMS = {
    "Browse": show_browse,
    "Check": show_check,
    "Clean": show_clean,
    "Correct": show_correct,
    "Split": show_split,
    "Export": show_export,
}

workspace = open_page(DATASETS)

st.title("Datasets")
dataset = choose_dataset(workspace)
try:
    if dataset is None:
        show_import(workspace)
    else:
        show_summary(dataset)
        ROOMS[choose_room(ROOMS)](workspace, dataset)
except LabError as error:
    st.error(words.plain(str(error)), icon=":material/error:")
