"""Train: fine-tune a model on a dataset, follow the run, evaluate the result and publish it."""

import streamlit as st

from lab.core.errors import LabError
from lab.ui import formatting, open_page
from lab.ui.controls import choose_tab
from lab.ui.page import TRAIN
from lab.ui.training.beginning import show_new
from lab.ui.training.choosing import EVALUATE, NEW, RUNS, TAB
from lab.ui.training.evaluating import show_evaluate
from lab.ui.training.running import show_runs

TABS = {NEW: show_new, RUNS: show_runs, EVALUATE: show_evaluate}

workspace = open_page(TRAIN)

st.title("Train")
try:
    TABS[choose_tab(TABS, key=TAB)](workspace)
except LabError as error:
    st.error(formatting.plain(str(error)), icon=":material/error:")
