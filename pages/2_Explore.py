"""Explore: see what the model hears."""

import streamlit as st

from lab.features.images import COLOUR_MAPS
from lab.ui import open_page
from lab.ui.audio_picker import choose_one, choose_recordings, is_any_chosen, sample_buttons
from lab.ui.datasets.clip_picker import choose_dataset_clip
from lab.ui.excerpt import AudioSource, read_or_stop, select_excerpt
from lab.ui.explore import choose_view, show_details, show_view
from lab.ui.features import SHORT_WINDOW, choose_settings
from lab.ui.inspection import show_inspection
from lab.ui.page import EXPLORE
from lab.ui.server import preload_audio_libraries

workspace = open_page(EXPLORE)
preload_audio_libraries()

st.title("Explore")
with st.expander("Recordings", expanded=not is_any_chosen(), icon=":material/audio_file:"):
    chosen = choose_recordings(workspace)
    sample_buttons(workspace)
    clip = choose_dataset_clip(workspace)
sources: list[AudioSource] = [*chosen, clip] if clip else [*chosen]
if not sources:
    st.info(
        "Add a recording or click a sample to see it as a model does.",
        icon=":material/graphic_eq:",
    )
    st.stop()
source = clip or choose_one(sources, "Recording shown", key="explored")
excerpt, start_s = select_excerpt(read_or_stop(source), source.id)

view = choose_view()
st.markdown(view.explanation)
first, second = st.container(), st.container()
colour_map = st.selectbox(
    "Colour map", COLOUR_MAPS, key="colour_map", persist_state="session", width=160
)
compare_with = st.segmented_control(
    "Compare with", ["Other settings", "Another recording"], key="compare_with"
)
others, other_excerpt, other_start_s = None, excerpt, start_s
if compare_with == "Other settings":
    left, right = st.columns(2, gap="large")
    with left:
        settings = choose_settings(view, excerpt, key="explore")
    with right:
        others = choose_settings(view, excerpt, key="other", preset=SHORT_WINDOW)
else:
    settings = choose_settings(view, excerpt, key="explore")
if compare_with == "Another recording":
    other = choose_one(sources[::-1], "Other recording", key="explored_other")
    others, other_excerpt, other_start_s = settings, read_or_stop(other), 0.0
scale = None
with first:
    if settings:
        scale = show_view(view, excerpt, start_s, settings, colour_map=colour_map, key="first")
with second:
    if others:
        show_view(
            view,
            other_excerpt,
            other_start_s,
            others,
            colour_map=colour_map,
            key="second",
            # With other settings the values differ in range, so only equal settings share a scale.
            scale=scale if others == settings else None,
        )
if settings:
    show_details(view, excerpt, settings, stem=source.stem, colour_map=colour_map)
st.divider()
show_inspection(workspace, source, excerpt, start_s)
