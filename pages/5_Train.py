"""Train: a better model out of a dataset, watched, proven and used at once."""

import streamlit as st

from lab.core.errors import LabError
from lab.ui import open_page, words
from lab.ui.frame import TRAIN
from lab.ui.training.beginning import show_new
from lab.ui.training.choosing import EVALUATE, NEW, RUNS, choose_room
from lab.ui.training.evaluating import show_evaluate
from lab.ui.training.running import show_runs

ROOMS = {NEW: show_new, RUNS: show_runs, EVALUATE: show_evaluate}

workspace = open_page(TRAIN)

st.title("Train")
try:
    ROOMS[choose_room(ROOMS)](workspace)
except LabError as error:
    st.error(words.plain(str(error)), icon=":material/error:")
