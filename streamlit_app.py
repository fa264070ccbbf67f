"""Home: what this is, where one is in the loop, and what comes next."""

import streamlit as st

from lab import recordings
from lab.ui import open_page, words
from lab.ui.frame import DATASETS, EXPLORE, HOME, PREPARE, TRAIN, TRANSCRIBE
from lab.ui.visitors import is_public

workspace = open_page(HOME)

st.title("Make Whisper understand your language")
st.markdown(
    "Bring recordings and read what was said. "
    + (
        "What you bring stays on this server, where **nobody else can see it**, for a day."
        if is_public()
        else "Everything is kept in one folder of yours and done on this machine: "
        "**no recording leaves it**."
    )
)
row = st.container(horizontal=True, gap="small")
if row.button("Transcribe a recording", type="primary", icon=TRANSCRIBE.icon):
    st.switch_page(TRANSCRIBE.file)
if row.button("Cut long recordings into clips", icon=PREPARE.icon):
    st.switch_page(PREPARE.file)
if row.button("See what a model hears", icon=EXPLORE.icon):
    st.switch_page(EXPLORE.file)
if row.button("Collect and correct a dataset", icon=DATASETS.icon):
    st.switch_page(DATASETS.file)
if row.button("Train a better model", icon=TRAIN.icon):
    st.switch_page(TRAIN.file)

brought = recordings.list_all(workspace)
saved = recordings.list_transcripts(workspace)
left, middle, right = st.columns(3)
left.metric("Recordings", len(brought), border=True)
middle.metric("Transcripts", len(saved), border=True)
right.metric("Workspace", words.size(workspace.size_bytes()), border=True)

if saved:
    st.subheader("Latest transcripts")
    for transcript in saved[:5]:
        day = f"{transcript.saved_at:%d %B %Y, %H:%M} UTC"
        st.page_link(
            TRANSCRIBE.file,
            label=f"{words.plain(transcript.recording.name)} :gray[{day}]",
            icon=":material/description:",
            query_params={"transcript": transcript.id},
        )
else:
    st.info(
        "Nothing here yet. On the next page one click transcribes a sample, "
        "so you can see what comes out before you bring your own recording.",
        icon=":material/lightbulb:",
    )
