"""A run's model for other programs, with the proof that it is the same model."""

import tempfile
import zipfile
from pathlib import Path

import pandas as pd
import streamlit as st

from lab.core.errors import LabError
from lab.core.languages import LANGUAGES
from lab.core.workspace import Workspace, remove
from lab.export import FORMATS, PRECISIONS
from lab.export.formats import size_bytes
from lab.export.store import list_exports
from lab.export.verification import FILE_NAME, Verification, read_verification
from lab.training.provenance import read_provenance
from lab.training.run import Run
from lab.ui import formatting
from lab.ui.downloads import MAX_DOWNLOAD_BYTES, download_button
from lab.ui.training.tasks import is_busy, submit
from lab.ui.visitors import is_public

_OUTCOMES = {
    "verified": ":green[:material/verified:]",
    "differs": ":red[:material/error:]",
    "inconclusive": ":orange[:material/help:]",
}
_FORMAT = "export_format"


def show_export(workspace: Workspace, run: Run) -> None:
    st.markdown(
        "**In other programs.** The program’s own library then loads the export and transcribes "
        "clips with it, and what it hears is compared with what is heard here."
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
        "Export with proof",
        icon=":material/verified:",
        key="task_export",
        disabled=(file_format, precision) in exports or is_busy(workspace, run, "export"),
        on_click=_submit,
        args=(workspace, run),
    )
    st.caption(f"{FORMATS[file_format].about} {precision}: {PRECISIONS[precision]}.")
    for (one, kind), folder in exports.items():
        is_proving = is_busy(workspace, run, "export", file_format=one, precision=kind)
        usage = FORMATS[one].usage_of(folder.name, _language(run))
        _exported(folder, one, kind, usage=usage, is_proving=is_proving)


def _submit(workspace: Workspace, run: Run) -> None:
    # As the fields stand now: what was chosen just before the click has not been drawn yet.
    file_format = st.session_state[_FORMAT]
    default = FORMATS[file_format].precisions[0]
    precision = st.session_state.get(_precision_key(file_format), default)
    submit(workspace, run, "export", file_format=file_format, precision=precision)


def _precision_key(file_format: str) -> str:
    return f"export_precision_{file_format}"


def show_verification(verification: Verification) -> None:
    st.markdown(f"{_OUTCOMES[verification.outcome]} {formatting.plain(verification.sentence)}")
    differing = [clip for clip in verification.clips if clip.lab != clip.library]
    if differing:
        st.dataframe(
            pd.DataFrame(
                {
                    "Reference": [clip.reference for clip in differing],
                    "Lab": [clip.lab for clip in differing],
                    verification.library: [clip.library for clip in differing],
                }
            ),
            hide_index=True,
        )


def _language(run: Run) -> str | None:
    """The language that a run has learned; None if it is not one alone."""
    languages = read_provenance(run).get("languages")
    codes = [code for code in LANGUAGES if [code] == languages]
    return codes[0] if codes else None


def _exported(
    folder: Path, file_format: str, precision: str, *, usage: str, is_proving: bool
) -> None:
    with st.container(border=True, key=f"exported_{file_format}_{precision}"):
        size = size_bytes(folder)
        row = st.container(horizontal=True, vertical_alignment="center")
        row.markdown(
            f"**{file_format}**, {precision} :gray[{formatting.size(size)}]", width="stretch"
        )
        if size <= MAX_DOWNLOAD_BYTES:
            with row:
                download_button(
                    lambda: _zipped(folder),
                    f"{folder.name}.zip",
                    mime="application/zip",
                    key=f"download_{folder.name}",
                )
        row.button(
            "Delete",
            icon=":material/delete:",
            type="tertiary",
            key=f"delete_{folder.name}",
            disabled=is_proving,
            on_click=_delete,
            args=(folder,),
        )
        if is_proving:
            st.caption("It is complete, and is being proven now.")
        elif (folder / FILE_NAME).exists():
            try:
                show_verification(read_verification(folder))
            except LabError as error:
                st.error(formatting.plain(str(error)), icon=":material/error:")
        else:
            st.caption("It was stopped before it was proven.")
        if not is_public():
            st.caption(f"It lies in {formatting.plain(str(folder))}")
        st.code(usage, language="python")


def _zipped(folder: Path) -> bytes:
    """An export in one file; weights hardly get smaller by packing."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, f"{folder.name}/{path.relative_to(folder)}")
        file.seek(0)
        return file.read()


def _delete(folder: Path) -> None:
    try:
        remove(folder)
    except LabError as error:
        st.toast(formatting.plain(str(error)), icon=":material/error:")
