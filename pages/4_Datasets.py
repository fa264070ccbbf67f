"""Datasets: import, browse, check, correct, split and export clips with texts."""

import streamlit as st

from lab.core.errors import LabError
from lab.ui import open_page
from lab.ui.datasets.browse_tab import show_browse
from lab.ui.datasets.check_tab import show_check
from lab.ui.datasets.clean_tab import show_clean
from lab.ui.datasets.correct_tab import show_correct
from lab.ui.datasets.export_tab import show_export
from lab.ui.datasets.import_tab import show_import
from lab.ui.datasets.navigation import choose_dataset, choose_dataset_tab, show_summary
from lab.ui.datasets.split_tab import show_split
from lab.ui.feedback import show_error
from lab.ui.page import DATASETS

TABS = {
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
        TABS[choose_dataset_tab(TABS)](workspace, dataset)
except LabError as error:
    show_error(error)
