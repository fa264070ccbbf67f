"""Explore: see what the model hears."""

import streamlit as st

from lab.recordings import Recording
from lab.ui import open_page
from lab.ui.explore import choose_colours, choose_view, show_background, show_view
from lab.ui.features import choose_settings, other_settings
from lab.ui.frame import EXPLORE
from lab.ui.listening import show_listening
from lab.ui.sources import (
    choose,
    choose_clip,
    choose_one,
    choose_recordings,
    is_any_chosen,
    sample_buttons,
)
from lab.ui.state import warm_up_sound
from lab.ui.stretch import choose_stretch, read_or_stop

workspace = open_page(EXPLORE)
warm_up_sound()


def bring_sample(recording: Recording) -> None:
    choose(recording)
    st.rerun()


st.title("Explore")
with st.expander("Recordings", expanded=not is_any_chosen(), icon=":material/audio_file:"):
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
first, second = st.container(), st.container()
colours = choose_colours()
against = st.segmented_control(
    "Compare with", ["Other settings", "Another recording"], key="against"
)
others, other_stretch, other_start_s = None, stretch, start_s
if against == "Other settings":
    left, right = st.columns(2, gap="large")
    with left:
        settings = choose_settings(view, stretch, key="explore")
    with right:
        others = other_settings(view, stretch)
else:
    settings = choose_settings(view, stretch, key="explore")
if against == "Another recording":
    other = choose_one(chosen[::-1], "Other recording", key="explored_other")
    others, other_stretch, other_start_s = settings, read_or_stop(other), 0.0
scale = None
with first:
    if settings:
        scale = show_view(view, stretch, start_s, settings, colour_map=colours, key="first")
with second:
    if others:
        # Other settings give other numbers; the same ones are shown alike.
        scale = scale if others == settings else None
        show_view(
            view,
            other_stretch,
            other_start_s,
            others,
            colour_map=colours,
            key="second",
            scale=scale,
        )
if settings:
    show_background(view, stretch, settings, stem=recording.stem, colour_map=colours)
st.divider()
show_listening(workspace, recording, stretch, start_s)
