"""Export: a zip of the clips for other programs and other people."""

from pathlib import Path

import streamlit as st

from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset import Dataset, Entry, filters
from lab.dataset.exporting import LAYOUTS, chosen, list_exports
from lab.jobs.dataset_export import ExportJob, ExportQueue
from lab.ui import words
from lab.ui.datasets.shared import entries, frame
from lab.ui.queue import show_queue

# A browser gets a download out of the server's memory.
_MAX_DOWNLOAD_BYTES = 1_000_000_000


def show_export(workspace: Workspace, dataset: Dataset) -> None:
    """Pack clips of a dataset as a zip; raises LabError where it cannot be read."""
    clips = entries(dataset)
    layout = st.radio(
        "Layout",
        list(LAYOUTS),
        format_func=LAYOUTS.__getitem__,
        key="export_layout",
        persist_state="session",
    )
    only_corrected = st.toggle(
        "Only clips that somebody has listened to and corrected",
        key="export_corrected",
        persist_state="session",
    )
    names = _filtered(dataset)
    leaving = chosen(clips, layout=layout, only_corrected=only_corrected, file_names=names)
    _what_leaves(clips, leaving)
    st.button(
        f"Pack {words.count(len(leaving), 'clip')}",
        type="primary",
        icon=":material/archive:",
        disabled=not leaving,
        on_click=_pack,
        args=(workspace, dataset, layout, only_corrected, names),
    )
    show_queue(
        workspace,
        _queue(),
        key="exporting",
        title=lambda job: f"{job.dataset.name} as {job.layout}",
        details=_details,
        on_end=lambda _: None,
    )
    for path in list_exports(workspace, dataset):
        _offer(path)


def _filtered(dataset: Dataset) -> frozenset[str] | None:
    """The clips that the person asks for; None where that is all, none where it is not clear."""
    asked = st.text_input(
        "Only clips like",
        key="export_filter",
        persist_state="session",
        placeholder=filters.EXAMPLE,
        icon=":material/filter_alt:",
        help="As in Browse. Empty: all clips.",
    )
    if not asked.strip():
        return None
    table = frame(dataset)
    try:
        return frozenset(table["clip"][filters.parse(asked).mask(table)])
    except LabError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return frozenset()


def _what_leaves(clips: tuple[Entry, ...], leaving: list[Entry]) -> None:
    seconds = sum(entry.duration_s or 0.0 for entry in leaving)
    n_splits = len({entry.split for entry in leaving} - {""})
    parts = [
        f"{len(leaving):,} of {words.count(len(clips), 'clip')}",
        words.length(seconds),
        words.count(n_splits, "split") if n_splits else "not split",
    ]
    st.markdown(":gray[" + " · ".join(parts) + " · clips that are left out stay here]")


def _pack(
    workspace: Workspace,
    dataset: Dataset,
    layout: str,
    only_corrected: bool,
    names: frozenset[str] | None,
) -> None:
    _queue().submit(
        workspace, dataset, layout=layout, only_corrected=only_corrected, file_names=names
    )


def _details(job: ExportJob) -> None:
    if job.exported:
        st.caption(
            f"{words.count(job.exported.n_clips, 'clip')}, "
            f"{words.length(job.exported.duration_s)}, {job.exported.path.name}"
        )
        if missing := len(job.exported.missing):
            st.warning(
                f"The sound of {words.count(missing, 'clip')} is gone, and so "
                f"{'it is' if missing == 1 else 'they are'} not in the zip.",
                icon=":material/warning:",
            )


def _offer(path: Path) -> None:
    """A zip that is finished: to download or to delete."""
    try:
        size = path.stat().st_size
    except OSError:  # another tab has deleted it
        return
    row = st.container(horizontal=True, vertical_alignment="center", key=f"zip_{path.stem}")
    row.markdown(
        f":material/folder_zip: {words.plain(path.name)} :gray[{words.size(size)}]",
        width="stretch",
    )
    if size <= _MAX_DOWNLOAD_BYTES:
        row.download_button(
            "Download",
            data=path.read_bytes,
            file_name=path.name,
            mime="application/zip",
            icon=":material/download:",
            on_click="ignore",
            key=f"get_{path.stem}",
        )
    else:
        row.markdown(f":gray[too large for a browser: exports/{words.plain(path.parent.name)}]")
    row.button(
        "Delete",
        icon=":material/delete:",
        type="tertiary",
        key=f"delete_{path.stem}",
        on_click=path.unlink,
        kwargs={"missing_ok": True},
    )


@st.cache_resource(show_spinner=False)
def _queue() -> ExportQueue:
    return ExportQueue()
