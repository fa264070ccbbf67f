"""Export: download clips as a zip file for other programs."""

from pathlib import Path

import streamlit as st

from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.dataset.export import LAYOUTS, list_exports, select_clips
from lab.jobs.dataset_export import ExportJob
from lab.ui import formatting
from lab.ui.datasets.shared import filter_clips, load_clips, load_table
from lab.ui.downloads import MAX_DOWNLOAD_BYTES, download_button
from lab.ui.job_list import show_jobs
from lab.ui.server import server
from lab.ui.tables import show_facts


def show_export(workspace: Workspace, dataset: Dataset) -> None:
    """Let the person export clips as a zip file; raises LabError if they cannot be read."""
    clips = load_clips(dataset)
    layout = st.radio(
        "Format",
        list(LAYOUTS),
        format_func=LAYOUTS.__getitem__,
        key="export_layout",
        persist_state="session",
    )
    only_corrected = st.toggle(
        "Only corrected clips",
        key="export_corrected",
        persist_state="session",
        help="Clips whose text a person has checked while listening.",
    )
    about = "Works as in the Browse tab. Leave empty to export all clips."
    table = load_table(dataset)
    shown, is_valid = filter_clips(table, key="export_filter", persist_state="session", help=about)
    names = None if shown is table and is_valid else frozenset(shown["clip"] if is_valid else ())
    selected = select_clips(clips, layout=layout, only_corrected=only_corrected, file_names=names)
    n_splits = len({clip.split for clip in selected} - {""})
    show_facts(
        f"{len(selected):,} of {formatting.count(len(clips), 'clip')}",
        formatting.duration(sum(clip.duration_s or 0.0 for clip in selected)),
        formatting.count(n_splits, "split") if n_splits else "no splits",
        "excluded clips are not exported",
    )
    if st.button(
        f"Export {formatting.count(len(selected), 'clip')}",
        type="primary",
        icon=":material/archive:",
        disabled=not selected,
    ):
        server().exports.submit(ExportJob(workspace, dataset, layout, only_corrected, names))
    show_jobs(
        workspace,
        server().exports,
        key="export_jobs",
        title=lambda job: f"{job.dataset.name} as {job.layout}",
        details=_show_result,
    )
    for path in list_exports(workspace, dataset):
        _show_file(path)


def _show_result(job: ExportJob) -> None:
    if job.exported:
        st.caption(
            f"{formatting.count(job.exported.n_clips, 'clip')}, "
            f"{formatting.duration(job.exported.duration_s)}, {job.exported.path.name}"
        )
        if n_missing := len(job.exported.missing):
            st.warning(
                f"Skipped {formatting.count(n_missing, 'clip')} whose audio file is missing.",
                icon=":material/warning:",
            )


def _show_file(path: Path) -> None:
    """Show a finished export, to download or to delete."""
    try:
        size = path.stat().st_size
    except OSError:  # deleted in another tab
        return
    row = st.container(horizontal=True, vertical_alignment="center", key=f"zip_{path.stem}")
    row.markdown(
        f":material/folder_zip: {formatting.escape(path.name)} :gray[{formatting.size(size)}]",
        width="stretch",
    )
    if size <= MAX_DOWNLOAD_BYTES:
        with row:
            download_button(
                path.read_bytes, path.name, mime="application/zip", key=f"download_{path.stem}"
            )
    else:
        folder = formatting.escape(path.parent.name)
        row.markdown(f":gray[Too large to download here; find it in exports/{folder}.]")
    row.button(
        "Delete",
        icon=":material/delete:",
        type="tertiary",
        key=f"delete_{path.stem}",
        on_click=path.unlink,
        kwargs={"missing_ok": True},
    )
