"""A run's model for other programs, with the proof that it is the same model."""

import tempfile
import zipfile
from pathlib import Path

import pandas as pd
import streamlit as st

from lab.core.errors import LabError
from lab.core.languages import LANGUAGES
from lab.core.workspace import Workspace, read_json, remove
from lab.export import FORMATS, PRECISIONS
from lab.export.formats import size_bytes
from lab.export.proof import PROOF_NAME, Proof, read_proof
from lab.export.store import exports_of
from lab.training import runs
from lab.training.runs import Run
from lab.ui import words
from lab.ui.training.files import MAX_DOWNLOAD_BYTES
from lab.ui.training.tasks import is_busy, submit
from lab.ui.visitors import is_public

_OUTCOMES = {
    "proven": ":green[:material/verified:]",
    "differs": ":red[:material/error:]",
    "not proven": ":orange[:material/help:]",
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
    exports = exports_of(workspace, run)
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


def show_proof(proof: Proof) -> None:
    st.markdown(f"{_OUTCOMES[proof.outcome]} {words.plain(proof.sentence)}")
    differing = [row for row in proof.rows if row.here != row.there]
    if differing:
        st.dataframe(
            pd.DataFrame(
                {
                    "Said": [row.text for row in differing],
                    "Heard here": [row.here for row in differing],
                    f"Heard by {proof.library}": [row.there for row in differing],
                }
            ),
            hide_index=True,
        )


def _language(run: Run) -> str | None:
    """The language that a run has learned; None if it is not one alone."""
    try:
        learned = read_json(run.folder / runs.DATASET).get("languages")
    except LabError:
        return None
    codes = [code for code in LANGUAGES if [code] == learned]
    return codes[0] if codes else None


def _exported(
    folder: Path, file_format: str, precision: str, *, usage: str, is_proving: bool
) -> None:
    with st.container(border=True, key=f"exported_{file_format}_{precision}"):
        size = size_bytes(folder)
        row = st.container(horizontal=True, vertical_alignment="center")
        row.markdown(f"**{file_format}**, {precision} :gray[{words.size(size)}]", width="stretch")
        if size <= MAX_DOWNLOAD_BYTES:
            row.download_button(
                "Download",
                data=lambda: _zipped(folder),
                file_name=f"{folder.name}.zip",
                mime="application/zip",
                icon=":material/download:",
                on_click="ignore",
                key=f"get_{folder.name}",
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
        elif (folder / PROOF_NAME).exists():
            try:
                show_proof(read_proof(folder))
            except LabError as error:
                st.error(words.plain(str(error)), icon=":material/error:")
        else:
            st.caption("It was stopped before it was proven.")
        if not is_public():
            st.caption(f"It lies in {words.plain(str(folder))}")
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
        st.toast(words.plain(str(error)), icon=":material/error:")
