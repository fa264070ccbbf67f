"""Transcribe: recordings in, text out."""

import streamlit as st

from lab.core.errors import LabError
from lab.recordings import Recording
from lab.ui import open_page, words
from lab.ui.frame import TRANSCRIBE
from lab.ui.models import add_model
from lab.ui.result import show_results
from lab.ui.settings import choose_model, choose_options
from lab.ui.sources import choose_recordings, forget_chosen, sample_buttons, show_chosen
from lab.ui.state import transcription_queue
from lab.ui.transcriptions import show_transcriptions

workspace = open_page(TRANSCRIBE)
queue = transcription_queue()

st.title("Transcribe")
left, right = st.columns([3, 5], gap="large")

with left:
    chosen = choose_recordings(workspace)
    show_chosen(chosen)
    go = st.container()
    samples = st.container()
    model = choose_model(workspace)
    try:
        options = choose_options(model)
    except LabError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()
    add_model(workspace)


def start(recording: Recording) -> None:
    queue.submit(workspace, recording, model.name, options)


with go:
    label = f"Transcribe {words.count(len(chosen), 'recording')}" if chosen else "Transcribe"
    if st.button(
        label, type="primary", disabled=not chosen, icon=":material/play_arrow:", width="stretch"
    ):
        for recording in chosen:
            start(recording)
        forget_chosen()
        st.rerun()
with samples:
    sample_buttons(workspace, start)
with right:
    show_transcriptions(workspace)
    show_results(workspace)
