"""Explore: see what the model hears."""

import streamlit as st

from lab.errors import LabError
from lab.recordings import Recording
from lab.ui import open_page, words
from lab.ui.explore import choose_colours, choose_view, show_background, show_view
from lab.ui.features import choose_settings, other_settings
from lab.ui.frame import EXPLORE
from lab.ui.listening import show_listening
from lab.ui.sources import choose, choose_one, choose_recordings, sample_buttons
from lab.ui.stretch import choose_stretch, read

workspace = open_page(EXPLORE)


def bring_sample(recording: Recording) -> None:
    choose(recording)
    st.rerun()


st.title("Explore")
with st.expander("Recordings", expanded=True, icon=":material/audio_file:"):
    chosen = choose_recordings(workspace)
    sample_buttons(workspace, bring_sample)
if not chosen:
    st.info(
        "Bring a recording or click a sample: then you see what a model sees of it.",
        icon=":material/graphic_eq:",
    )
    st.stop()
try:
    recording = choose_one(chosen, "Shown recording", key="explored")
    waveform = read(recording.audio_path, recording.name)
except LabError as error:
    st.error(words.plain(str(error)), icon=":material/error:")
    st.stop()
stretch, start_s = choose_stretch(waveform, recording.id)

view = choose_view()
st.markdown(view.explanation)
left, right = st.columns([3, 5], gap="large")
with left:
    settings = choose_settings(view, stretch, key="explore")
    colours = choose_colours()
    against = st.segmented_control(
        "Compare with", ["Other settings", "Another recording"], key="against"
    )
with right:
    if settings:
        show_view(view, stretch, start_s, settings, colour_map=colours, key="first")
if against == "Other settings":
    left, right = st.columns([3, 5], gap="large")
    with left:
        others = other_settings(view, stretch)
    with right:
        if others:
            show_view(view, stretch, start_s, others, colour_map=colours, key="second")
elif against == "Another recording" and settings:
    left, right = st.columns([3, 5], gap="large")
    with left:
        other = choose_one(chosen[::-1], "Other recording", key="explored_other")
    with right:
        try:
            second = read(other.audio_path, other.name)
        except LabError as error:
            st.error(words.plain(str(error)), icon=":material/error:")
        else:
            show_view(view, second, 0.0, settings, colour_map=colours, key="second")
if settings:
    show_background(view, stretch, settings, stem=recording.stem, colour_map=colours)
st.divider()
show_listening(workspace, recording, stretch, start_s)
