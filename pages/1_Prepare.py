"""Prepare: turn recordings into clean clips."""

import streamlit as st

from lab.jobs.preparation import PreparationJob
from lab.ui import formatting, open_page
from lab.ui.audio_picker import choose_recordings, sample_buttons, show_chosen
from lab.ui.controls import choose_view
from lab.ui.feedback import errors_shown
from lab.ui.page import PREPARE
from lab.ui.preparations import VIEW, show_preparation, show_preparation_jobs
from lab.ui.recipe import choose_recipe
from lab.ui.recipe_preview import show_comparison
from lab.ui.server import preload_audio_libraries, server

workspace = open_page(PREPARE)
preload_audio_libraries()

st.title("Prepare")
left, right = st.columns([3, 5], gap="large")

with left:
    chosen = choose_recordings(workspace)
    show_chosen(chosen)
    start_button = st.container()
    samples = st.container()
    st.subheader("Recipe")
    # A separate scrolling area, so that the effect of a step stays in sight.
    with st.container(height=560, border=False):
        recipe = choose_recipe()

with start_button:
    is_clicked = st.button(
        f"Prepare {formatting.count(len(chosen), 'recording')}" if chosen else "Prepare",
        type="primary",
        disabled=not (chosen and recipe),
        icon=":material/play_arrow:",
        width="stretch",
    )
    if is_clicked and recipe:
        server().preparations.submit(PreparationJob(workspace, tuple(chosen), recipe))
        st.rerun()
with samples:
    sample_buttons(workspace)
with right:
    show_preparation_jobs(workspace)
    view = choose_view("View", ["Before and after", "Clips"], key=VIEW, persist_state="session")
    if view == "Clips":
        show_preparation(workspace)
    elif chosen and recipe:
        with errors_shown():
            show_comparison(chosen, recipe)
    else:
        st.info(
            "Add a recording or click a sample to see and hear what each step does.",
            icon=":material/compare:",
        )
