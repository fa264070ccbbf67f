"""Running preparations, and one finished preparation: checklist, downloads, clips."""

import io
from collections.abc import Sequence

import streamlit as st

from lab.core.workspace import Workspace
from lab.jobs.preparation import PreparationJob
from lab.preprocess import preparations
from lab.preprocess.preparation_export import (
    clip_wav,
    prompts_of_clips,
    save_as_recordings,
    write_zip,
)
from lab.preprocess.preparations import Preparation
from lab.ui import formatting
from lab.ui.checklist import show_checklist
from lab.ui.clip_editor import show_clips, undo_button
from lab.ui.controls import choose_remembered, open_view, remember
from lab.ui.downloads import download_button
from lab.ui.feedback import delete_popover, progress_bar, show_failure
from lab.ui.into_dataset import add_to_dataset
from lab.ui.job_list import show_jobs
from lab.ui.server import server

VIEW = "prepare_view"  # key of the widget
_PREPARATION = "preparation"  # the query parameter
_MESSAGES_SHOWN = 20


def show_preparation_jobs(workspace: Workspace) -> None:
    """The preparation queue of this workspace."""
    show_jobs(
        workspace,
        server().preparations,
        key="preparing",
        title=lambda job: formatting.count(len(job.recordings), "recording"),
        details=_show_progress,
        on_end=_open_newest,
    )


def _show_progress(job: PreparationJob) -> None:
    if job.state == "running" and (job.n_done or job.n_failed):
        failed = f", {job.n_failed} failed" if job.n_failed else ""
        st.caption(f"{job.n_done} of {len(job.recordings)} prepared{failed}.")


def _open_newest(jobs: Sequence[PreparationJob]) -> None:
    newest = next((job for job in reversed(jobs) if job.preparation_id), None)
    if newest:
        remember(_PREPARATION, str(newest.preparation_id))
        open_view("Clips", key=VIEW)


def show_preparation(workspace: Workspace) -> None:
    """The preparation named in the URL, or the newest; a select box offers all others."""
    saved = {preparation.id: preparation for preparation in preparations.list_all(workspace)}
    if not saved:
        message = "Clips appear here once you have prepared a recording."
        st.info(message, icon=":material/content_cut:")
        return
    show_failure()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        preparation_id = choose_remembered(
            "Preparation",
            list(saved),
            param=_PREPARATION,
            format_func=lambda preparation_id: _title(saved[preparation_id]),
            label_visibility="collapsed",
        )
        preparation = saved[preparation_id]
        delete_popover(
            "This permanently deletes these clips. What you saved as recordings or added to a "
            "dataset stays.",
            preparations.delete,
            preparation,
        )
    _show_summary(preparation)
    if preparation.clips:
        failed = show_checklist(preparation)
        _show_actions(workspace, preparation)
        show_clips(preparation, failed)


def _title(preparation: Preparation) -> str:
    names = [recording.name for recording in preparation.recordings] or ["nothing"]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more} · {preparation.created_at:%d %b %Y %H:%M} UTC"


def _show_summary(preparation: Preparation) -> None:
    kept = preparation.kept
    total_s = sum(preparation.duration_s(clip) for clip in kept)
    n_dropped = len(preparation.clips) - len(kept)
    st.markdown(
        f"**{formatting.count(len(kept), 'clip')}**, {formatting.duration(total_s)}, from "
        f"{formatting.count(len(preparation.recordings), 'recording')}"
        + (f" :gray[({n_dropped} dropped)]" if n_dropped else "")
    )
    if preparation.failures:
        count = formatting.count(len(preparation.failures), "recording")
        _show_messages(
            f"{count} could not be prepared",
            ":material/error:",
            [f"{failure.name}: {failure.reason}" for failure in preparation.failures],
        )
    warned = [recording for recording in preparation.recordings if recording.warnings]
    if warned:
        _show_messages(
            f"Notes on {formatting.count(len(warned), 'recording')}",
            ":material/warning:",
            [f"{recording.name}: {' '.join(recording.warnings)}" for recording in warned],
        )


def _show_messages(title: str, icon: str, messages: list[str]) -> None:
    with st.expander(title, icon=icon):
        for message in messages[:_MESSAGES_SHOWN]:
            st.markdown(formatting.escape(message))
        if len(messages) > _MESSAGES_SHOWN:
            st.caption(f"and {len(messages) - _MESSAGES_SHOWN} more.")
            download_button(
                "\n".join(messages),
                "notes.txt",
                mime="text/plain",
                label="Download the full list",
                key=f"messages_{title}",
            )


def _show_actions(workspace: Workspace, preparation: Preparation) -> None:
    def zip_bytes() -> bytes:
        buffer = io.BytesIO()
        write_zip(preparation, buffer)
        return buffer.getvalue()

    with st.container(horizontal=True, key="preparation_actions"):
        download_button(
            zip_bytes,
            f"clips-{preparation.created_at:%Y%m%d-%H%M}.zip",
            mime="application/zip",
            label="Download as zip",
            type="primary",
            disabled=not preparation.kept,
            help="The clips as WAV files, a table of where each comes from, and the recipe.",
        )
        is_clicked = st.button(
            "Save as recordings",
            icon=":material/library_add:",
            disabled=not preparation.kept,
            help="Saves each clip as a recording in the workspace, for example to transcribe it.",
        )
        with st.popover("Add to dataset", icon=":material/dataset:", disabled=not preparation.kept):
            add_to_dataset(
                workspace,
                lambda: (
                    (name, clip_wav(preparation, clip)) for name, clip in preparation.named_clips()
                ),
                n_clips=len(preparation.kept),
                texts=prompts_of_clips(workspace, preparation),
            )
        undo_button(preparation)
    if is_clicked:
        with progress_bar("Saving the clips …") as on_progress:
            saved = save_as_recordings(workspace, preparation, on_progress=on_progress)
            count = formatting.count(len(saved), "clip")
            st.success(f"{count} saved as recordings.", icon=":material/check:")
