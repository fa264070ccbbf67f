"""What was prepared: the queue, and one preparation with its checklist, clips and ways out."""

import io
from collections.abc import Sequence

import streamlit as st

from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.jobs.preparation import PreparationJob
from lab.preprocess import preparations
from lab.preprocess.preparation_files import clip_wav, prompts_read, save_as_recordings, write_zip
from lab.preprocess.preparations import Preparation
from lab.ui import words
from lab.ui.checklist import show_checklist
from lab.ui.clips import show_clips, undo_button
from lab.ui.into_dataset import add_to_dataset
from lab.ui.queue import show_queue
from lab.ui.state import preparation_queue

_SELECTED = "preparation"
_REASONS_SHOWN = 20


def show_jobs(workspace: Workspace) -> None:
    """The preparations of this workspace that run, wait, or have ended."""
    show_queue(
        workspace,
        preparation_queue(),
        key="preparing",
        title=lambda job: f"{words.count(len(job.recordings), 'recording')}",
        details=_details,
        on_end=_select_newest,
    )


def show_preparation(workspace: Workspace) -> None:
    """The preparation that the address names, or the newest, with a choice of all others."""
    made = {one.id: one for one in preparations.list_all(workspace)}
    if not made:
        st.info(
            "The clips appear here once recordings are prepared.", icon=":material/content_cut:"
        )
        return
    asked = st.query_params.get(_SELECTED)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    chosen = row.selectbox(
        "Preparation",
        list(made),
        index=list(made).index(asked) if asked in made else 0,
        format_func=lambda one: _title(made[one]),
        label_visibility="collapsed",
    )
    st.query_params[_SELECTED] = chosen
    preparation = made[chosen]
    with row.popover("Delete", icon=":material/delete:"):
        st.markdown("This removes these clips from the disk. What you saved of them stays.")
        st.button("Delete for good", type="primary", on_click=_delete, args=(preparation,))
    _report(preparation)
    if preparation.clips:
        failed = show_checklist(preparation)
        _ways_out(workspace, preparation)
        show_clips(preparation, failed)


def _details(job: PreparationJob) -> None:
    if job.state == "running" and (job.n_done or job.n_failed):
        failed = f", {job.n_failed} failed" if job.n_failed else ""
        st.caption(f"{job.n_done} of {len(job.recordings)} prepared{failed}.")


def _select_newest(jobs: Sequence[PreparationJob]) -> None:
    newest = next((job for job in reversed(jobs) if job.preparation_id), None)
    if newest:
        st.query_params[_SELECTED] = str(newest.preparation_id)
        st.session_state["prepare_view"] = "Clips"


def _title(preparation: Preparation) -> str:
    names = [whole.name for whole in preparation.wholes] or ["nothing"]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more} · {preparation.created_at:%d %b %Y %H:%M} UTC"


def _report(preparation: Preparation) -> None:
    kept = preparation.kept
    length_s = sum(preparation.length_s(clip) for clip in kept)
    dropped = len(preparation.clips) - len(kept)
    st.markdown(
        f"**{words.count(len(kept), 'clip')}**, {words.length(length_s)}, from "
        f"{words.count(len(preparation.wholes), 'recording')}"
        + (f" :gray[({dropped} dropped)]" if dropped else "")
    )
    if preparation.failures:
        count = words.count(len(preparation.failures), "recording")
        _list(
            f"{count} could not be prepared",
            ":material/error:",
            [f"{failure.name}: {failure.reason}" for failure in preparation.failures],
        )
    warned = [whole for whole in preparation.wholes if whole.warnings]
    if warned:
        _list(
            f"Notes on {words.count(len(warned), 'recording')}",
            ":material/warning:",
            [f"{whole.name}: {' '.join(whole.warnings)}" for whole in warned],
        )


def _list(title: str, icon: str, lines: list[str]) -> None:
    with st.expander(title, icon=icon):
        for line in lines[:_REASONS_SHOWN]:
            st.markdown(words.plain(line))
        if len(lines) > _REASONS_SHOWN:
            st.caption(f"and {len(lines) - _REASONS_SHOWN} more.")
            st.download_button(
                "Download all lines",
                "\n".join(lines),
                file_name="notes.txt",
                on_click="ignore",
                key=f"lines_{title}",
            )


def _ways_out(workspace: Workspace, preparation: Preparation) -> None:
    row = st.container(horizontal=True, gap="small", key="ways_out")

    def zipped() -> bytes:
        buffer = io.BytesIO()
        write_zip(preparation, buffer)
        return buffer.getvalue()

    row.download_button(
        "Download as zip",
        data=zipped,
        file_name=f"clips-{preparation.created_at:%Y%m%d-%H%M}.zip",
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        type="primary",
        disabled=not preparation.kept,
        help="The clips as WAV files, a table of where they come from, and the recipe.",
    )
    if row.button(
        "Save as recordings",
        icon=":material/library_add:",
        disabled=not preparation.kept,
        help="Each clip becomes a recording of the workspace, to be transcribed for example.",
    ):
        _save(workspace, preparation)
    with row.popover("Add to dataset", icon=":material/dataset:", disabled=not preparation.kept):
        add_to_dataset(
            workspace,
            lambda: ((name, clip_wav(preparation, clip)) for name, clip in preparation.named()),
            n_clips=len(preparation.kept),
            texts=prompts_read(workspace, preparation),
        )
    with row:
        undo_button(preparation)


def _save(workspace: Workspace, preparation: Preparation) -> None:
    bar = st.progress(0.0, "Saving the clips")

    def on_progress(done: float, total: float, note: str = "") -> None:
        bar.progress(done / total, note)

    try:
        saved = save_as_recordings(workspace, preparation, on_progress=on_progress)
    except LabError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
    else:
        count = words.count(len(saved), "clip")
        st.success(f"{count} saved among your recordings.", icon=":material/check:")
    bar.empty()


def _delete(preparation: Preparation) -> None:
    try:
        preparations.delete(preparation)
    except LabError as error:
        st.toast(words.plain(str(error)), icon=":material/error:")
