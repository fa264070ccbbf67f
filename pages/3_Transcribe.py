"""Transcribe: turn recordings into text."""

import streamlit as st

from lab.core.errors import LabError
from lab.jobs.transcription import TranscriptionJob
from lab.recordings import Recording
from lab.ui import formatting, open_page
from lab.ui.audio_picker import choose_recordings, clear_chosen, sample_buttons, show_chosen
from lab.ui.feedback import show_error
from lab.ui.models import add_model, choose_model
from lab.ui.page import TRANSCRIBE
from lab.ui.server import server
from lab.ui.transcribe_options import choose_options
from lab.ui.transcripts import show_transcript, show_transcription_jobs

workspace = open_page(TRANSCRIBE)

st.title("Transcribe")
left, right = st.columns([3, 5], gap="large")

with left:
    chosen = choose_recordings(workspace)
    show_chosen(chosen)
    start_button = st.container()
    samples = st.container()
    model = choose_model(workspace)
    try:
        options = choose_options(model)
    except LabError as error:
        show_error(error)
        st.stop()
    add_model(workspace)


def transcribe(recording: Recording) -> None:
    server().transcriptions.submit(TranscriptionJob(workspace, recording, model.name, options))


with start_button:
    label = f"Transcribe {formatting.count(len(chosen), 'recording')}" if chosen else "Transcribe"
    if st.button(
        label, type="primary", disabled=not chosen, icon=":material/play_arrow:", width="stretch"
    ):
        for recording in chosen:
            transcribe(recording)
        clear_chosen()
        st.rerun()
with samples:
    sample_buttons(workspace, on_click=transcribe)
with right:
    show_transcription_jobs(workspace)
    show_transcript(workspace)
