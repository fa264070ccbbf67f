"""Train: fine-tune a model on a dataset, follow the run, evaluate the result and publish it."""

import streamlit as st

from lab.core.errors import LabError
from lab.ui import open_page
from lab.ui.controls import choose_tab
from lab.ui.feedback import show_error
from lab.ui.page import TRAIN
from lab.ui.training.evaluate_tab import show_evaluate
from lab.ui.training.navigation import EVALUATE, NEW, RUNS, TAB
from lab.ui.training.new_run_tab import show_new_run
from lab.ui.training.runs_tab import show_runs

TABS = {NEW: show_new_run, RUNS: show_runs, EVALUATE: show_evaluate}

workspace = open_page(TRAIN)

st.title("Train")
try:
    TABS[choose_tab(TABS, key=TAB)](workspace)
except LabError as error:
    show_error(error)
