"""The queue of transcriptions, with the text as it comes."""

from collections.abc import Sequence

import streamlit as st

from lab.core.workspace import Workspace
from lab.jobs.transcription import TranscriptionJob
from lab.ui import words
from lab.ui.queue import show_queue
from lab.ui.state import transcription_queue


def show_transcriptions(workspace: Workspace) -> None:
    """The transcriptions of this workspace that run, wait, or have ended."""
    show_queue(
        workspace,
        transcription_queue(),
        key="queue",
        title=lambda job: f"{words.plain(job.recording.name)} :gray[{words.plain(job.model)} ·]",
        details=_details,
        on_end=_show_newest,
    )


def _details(job: TranscriptionJob) -> None:
    if job.state == "running" and job.segments:
        with st.container(height=180, border=False, autoscroll=True, key="live_text"):
            st.text("\n".join(segment.text.strip() for segment in job.segments))
    if job.warning:
        st.warning(words.plain(job.warning), icon=":material/warning:")


def _show_newest(jobs: Sequence[TranscriptionJob]) -> None:
    newest = next((job for job in reversed(jobs) if job.transcript_id), None)
    if newest:
        st.query_params["transcript"] = str(newest.transcript_id)
