"""Prepare: recordings in, clean clips out."""

import streamlit as st

from lab.recordings import Recording
from lab.ui import open_page, words
from lab.ui.compare import show_comparison
from lab.ui.frame import PREPARE
from lab.ui.preparations import show_jobs, show_preparation
from lab.ui.recipe import choose_recipe
from lab.ui.sources import choose, choose_recordings, sample_buttons, show_chosen
from lab.ui.state import preparation_queue, warm_up_sound

workspace = open_page(PREPARE)
warm_up_sound()

st.title("Prepare")
left, right = st.columns([3, 5], gap="large")

with left:
    chosen = choose_recordings(workspace)
    show_chosen(chosen)
    go = st.container()
    samples = st.container()
    st.subheader("Recipe")
    # It scrolls by itself, so that what a step does stays in sight.
    with st.container(height=560, border=False):
        recipe = choose_recipe()


def bring_sample(recording: Recording) -> None:
    choose(recording)
    st.rerun()


with go:
    label = f"Prepare {words.count(len(chosen), 'recording')}" if chosen else "Prepare"
    start = st.button(
        label,
        type="primary",
        disabled=not (chosen and recipe),
        icon=":material/play_arrow:",
        width="stretch",
    )
    if start and recipe:
        preparation_queue().submit(workspace, tuple(chosen), recipe)
        st.rerun()
with samples:
    sample_buttons(workspace, bring_sample)
with right:
    show_jobs(workspace)
    view = st.segmented_control(
        "View",
        ["Before and after", "Clips"],
        default="Before and after",
        required=True,
        key="prepare_view",
        persist_state="session",
        label_visibility="collapsed",
    )
    if view == "Clips":
        show_preparation(workspace)
    elif chosen and recipe:
        show_comparison(chosen, recipe)
    else:
        st.info(
            "Bring a recording, or try the sample: here you see and hear what each step does.",
            icon=":material/compare:",
        )
