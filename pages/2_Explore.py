"""Explore: see what the model hears."""

import streamlit as st

from lab.recordings import Recording
from lab.ui import open_page
from lab.ui.explore import choose_colours, choose_view, show_background, show_view
from lab.ui.features import choose_settings, other_settings
from lab.ui.frame import EXPLORE
from lab.ui.listening import show_listening
from lab.ui.sources import choose, choose_clip, choose_one, choose_recordings, sample_buttons
from lab.ui.stretch import choose_stretch, read_or_stop

workspace = open_page(EXPLORE)


def bring_sample(recording: Recording) -> None:
    choose(recording)
    st.rerun()


st.title("Explore")
with st.expander("Recordings", expanded=True, icon=":material/audio_file:"):
    chosen = choose_recordings(workspace)
    sample_buttons(workspace, bring_sample)
    clip = choose_clip(workspace)
chosen = [*chosen, clip] if clip else chosen
if not chosen:
    st.info(
        "Bring a recording or click a sample: then you see what a model sees of it.",
        icon=":material/graphic_eq:",
    )
    st.stop()
recording = clip or choose_one(chosen, "Shown recording", key="explored")
waveform = read_or_stop(recording)
stretch, start_s = choose_stretch(waveform, recording.id)

view = choose_view()
st.markdown(view.explanation)
left, right = st.columns([1, 2], gap="medium")
scale = None
with left:
    settings = choose_settings(view, stretch, key="explore")
    colours = choose_colours()
    against = st.segmented_control(
        "Compare with", ["Other settings", "Another recording"], key="against"
    )
with right:
    if settings:
        scale = show_view(view, stretch, start_s, settings, colour_map=colours, key="first")
if against:
    left, right = st.columns([1, 2], gap="medium")
    with left:
        if against == "Other settings":
            second, second_start_s, others = stretch, start_s, other_settings(view, stretch)
            scale = None  # other settings give other numbers
        else:
            other = choose_one(chosen[::-1], "Other recording", key="explored_other")
            second, second_start_s, others = read_or_stop(other), 0.0, settings
    with right:
        if others:
            show_view(
                view,
                second,
                second_start_s,
                others,
                colour_map=colours,
                key="second",
                scale=scale,
            )
if settings:
    show_background(view, stretch, settings, stem=recording.stem, colour_map=colours)
st.divider()
show_listening(workspace, recording, stretch, start_s)
