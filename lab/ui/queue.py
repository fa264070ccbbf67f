"""The queue of transcriptions: what runs, how far it is, and the text as it comes."""

import streamlit as st

from lab.jobs import Job, TranscriptionQueue
from lab.ui import words
from lab.ui.state import transcription_queue
from lab.workspace import Workspace

_SEEN = "jobs_over"
_ICONS = {
    "waiting": ":material/schedule:",
    "running": ":material/hourglass_top:",
    "done": ":green[:material/check_circle:]",
    "stopped": ":orange[:material/stop_circle:]",
    "failed": ":red[:material/error:]",
}


def show_queue(workspace: Workspace) -> None:
    """The jobs of this workspace, looked at every second while one of them is not over."""
    jobs = transcription_queue().jobs(workspace)
    if not jobs:
        return
    active = any(not job.is_over for job in jobs)
    st.session_state[_SEEN] = _over(jobs)
    with st.container(border=True, key="queue"):
        st.fragment(_jobs, run_every="1s" if active else None)(workspace)


def _jobs(workspace: Workspace) -> None:
    queue = transcription_queue()
    jobs = queue.jobs(workspace)
    if _over(jobs) != st.session_state.get(_SEEN):
        # A job has ended: its transcript is shown outside of this fragment.
        st.session_state[_SEEN] = _over(jobs)
        newest = next((job for job in reversed(jobs) if job.transcript_id), None)
        if newest:
            st.query_params["transcript"] = str(newest.transcript_id)
        st.rerun(scope="app")
    head = st.container(horizontal=True, vertical_alignment="center")
    left = sum(not job.is_over for job in jobs)
    head.markdown(
        f"**Queue** :gray[{words.count(left, 'recording')} to go]" if left else "**Queue**",
        width="stretch",
    )
    if left < len(jobs):
        head.button(
            "Clear finished",
            key="clear_queue",
            type="tertiary",
            on_click=queue.clear,
            args=(workspace,),
            help="Only the list is cleared. Recordings and transcripts stay in the workspace.",
        )
    for job in jobs:
        _job(workspace, queue, job)


def _job(workspace: Workspace, queue: TranscriptionQueue, job: Job) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    row.markdown(
        f"{_ICONS[job.state]} {words.plain(job.recording.name)} :gray[{job.model} · {job.note}]",
        width="stretch",
    )
    if not job.is_over:
        row.button(
            "Stop",
            key=f"stop_{job.id}",
            icon=":material/stop:",
            on_click=queue.stop,
            args=(workspace, job.id),
            help="What has been decoded until now is kept.",
        )
    if job.state == "running":
        left = "" if job.seconds_left is None else f", about {words.roughly(job.seconds_left)} left"
        st.progress(job.share, f"{job.share:.0%}{left}")
        if job.segments:
            with st.container(height=180, border=False, autoscroll=True, key="live_text"):
                st.text("\n".join(segment.text.strip() for segment in job.segments))
    if job.warning:
        st.warning(words.plain(job.warning), icon=":material/warning:")
    if job.error:
        st.error(words.plain(job.error), icon=":material/error:")


def _over(jobs: list[Job]) -> tuple[int, ...]:
    return tuple(job.id for job in jobs if job.is_over)
