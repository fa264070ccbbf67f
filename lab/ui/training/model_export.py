"""Export a run's model for other programs, and verify that it transcribes as it does here."""

import tempfile
import zipfile
from pathlib import Path

import streamlit as st

from lab.core.languages import LANGUAGES
from lab.core.workspace import Workspace, remove, size_bytes
from lab.export import FORMATS, PRECISIONS
from lab.export.store import list_exports
from lab.export.verification import FILE_NAME, read_verification
from lab.training.provenance import read_provenance
from lab.training.run import Run
from lab.ui import formatting
from lab.ui.downloads import MAX_DOWNLOAD_BYTES, download_button
from lab.ui.feedback import attempt, errors_shown
from lab.ui.training.run_tasks import is_busy, show_verification, submit
from lab.ui.visitors import is_public

_FORMAT = "export_format"


def show_export(workspace: Workspace, run: Run) -> None:
    """Let the person export the model of a run, and show its exports."""
    st.markdown(
        "**In other programs.** Export the model for another library. To verify the export, that "
        "library transcribes some clips with it, and the transcripts are compared with the "
        "lab's own."
    )
    row = st.container(horizontal=True, vertical_alignment="bottom")
    file_format = row.selectbox(
        "Format",
        list(FORMATS),
        format_func=lambda name: f"{name} ({FORMATS[name].library})",
        key=_FORMAT,
        persist_state="session",
        width=260,
    )
    precision = row.selectbox(
        "Precision",
        FORMATS[file_format].precisions,
        key=_precision_key(file_format),
        persist_state="session",
        width=140,
    )
    exports = list_exports(workspace, run)
    row.button(
        "Export and verify",
        icon=":material/verified:",
        key="task_export",
        disabled=(file_format, precision) in exports or is_busy(workspace, run, task="export"),
        on_click=_submit,
        args=(workspace, run),
    )
    st.caption(f"{FORMATS[file_format].about} {precision}: {PRECISIONS[precision]}.")
    languages = read_provenance(run).get("languages")
    language = next((code for code in LANGUAGES if [code] == languages), None)
    for (name, kind), folder in exports.items():
        usage = FORMATS[name].usage_of(folder.name, language)
        settings = {"task": "export", "file_format": name, "precision": kind}
        with st.container(border=True, key=f"exported_{name}_{kind}"):
            _show_exported(
                folder, f"**{name}**, {kind}", usage, is_busy=is_busy(workspace, run, **settings)
            )


def _submit(workspace: Workspace, run: Run) -> None:
    # From the widgets: what was chosen just before the click has not been drawn yet.
    file_format = st.session_state[_FORMAT]
    default = FORMATS[file_format].precisions[0]
    precision = st.session_state.get(_precision_key(file_format), default)
    submit(workspace, run, "export", file_format=file_format, precision=precision)


def _precision_key(file_format: str) -> str:
    return f"export_precision_{file_format}"


def _show_exported(folder: Path, title: str, usage: str, *, is_busy: bool) -> None:
    """Show an export. is_busy: whether it is being verified now"""
    size = size_bytes(folder)
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown(f"{title} :gray[{formatting.size(size)}]", width="stretch")
    if size <= MAX_DOWNLOAD_BYTES:
        with row:
            download_button(
                lambda: _zip(folder),
                f"{folder.name}.zip",
                mime="application/zip",
                key=f"download_{folder.name}",
            )
    row.button(
        "Delete",
        icon=":material/delete:",
        type="tertiary",
        key=f"delete_{folder.name}",
        disabled=is_busy,
        on_click=attempt,
        args=(remove, folder),
    )
    if is_busy:
        st.caption("The export is complete and is being verified now.")
    elif (folder / FILE_NAME).exists():
        with errors_shown():
            show_verification(read_verification(folder))
    else:
        st.caption("Not verified: the task was stopped before that.")
    if not is_public():
        st.caption(f"Folder of the export: {formatting.escape(str(folder))}")
    st.code(usage, language="python")


def _zip(folder: Path) -> bytes:
    """Zip an export, uncompressed: weights hardly shrink."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, f"{folder.name}/{path.relative_to(folder)}")
        file.seek(0)
        return file.read()
