"""Home: what the app does, a link to each step, and the latest transcripts."""

import streamlit as st

from lab import recordings
from lab.ui import formatting, open_page
from lab.ui.page import DATASETS, EXPLORE, HOME, PREPARE, TRAIN, TRANSCRIBE
from lab.ui.visitors import KEPT_HOURS, is_public

workspace = open_page(HOME)

st.title("Make Whisper understand your language")
st.markdown(
    "Transcribe recordings, correct the text, and train a model on your corrections. "
    + (
        "Your files stay on this server, where **only you can see them**, and are deleted "
        f"{KEPT_HOURS} hours after your last visit."
        if is_public()
        else "Everything is processed on this machine and kept in one folder: "
        "**your recordings never leave it**."
    )
)
steps = {
    "Transcribe a recording": TRANSCRIBE,
    "Cut long recordings into clips": PREPARE,
    "See what a model hears": EXPLORE,
    "Build and correct a dataset": DATASETS,
    "Train a better model": TRAIN,
}
row = st.container(horizontal=True, gap="small")
for label, page in steps.items():
    if row.button(label, type="primary" if page is TRANSCRIBE else "secondary", icon=page.icon):
        st.switch_page(page.file)

transcripts = recordings.list_transcripts(workspace)
left, middle, right = st.columns(3)
left.metric("Recordings", len(recordings.list_all(workspace)), border=True)
middle.metric("Transcripts", len(transcripts), border=True)
right.metric("Workspace", formatting.size(workspace.size_bytes()), border=True)

if transcripts:
    st.subheader("Latest transcripts")
    for transcript in transcripts[:5]:
        saved_at = f"{transcript.saved_at:%d %B %Y, %H:%M} UTC"
        st.page_link(
            TRANSCRIBE.file,
            label=f"{formatting.escape(transcript.recording.name)} :gray[{saved_at}]",
            icon=":material/description:",
            query_params={"transcript": transcript.id},
        )
else:
    st.info(
        "Nothing here yet. On the Transcribe page, one click transcribes a sample, so you can see "
        "the result before you add a recording of your own.",
        icon=":material/lightbulb:",
    )
