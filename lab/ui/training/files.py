"""The files of a run, to take away."""

import streamlit as st

from lab.evaluation.report_files import CSV_NAME, JSON_NAME
from lab.training import metrics, runs
from lab.training.runs import Run
from lab.ui import words
from lab.ui.visitors import is_public

# A browser gets a download out of the server's memory.
MAX_DOWNLOAD_BYTES = 1_000_000_000

_FILES = {
    runs.CONFIG: ("application/yaml", "All settings; a new run with them is the same run."),
    metrics.FILE_NAME: ("text/csv", "The curves: a line for each batch and each validation."),
    JSON_NAME: ("application/json", "The figures of the evaluation."),
    CSV_NAME: ("text/csv", "Every clip of the evaluation, and what each model heard in it."),
    runs.MODEL: ("application/octet-stream", "The model, as openai-whisper reads it."),
}


def show_files(run: Run) -> None:
    """Buttons for what there is already, and where it lies."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for name, (mime, about) in _FILES.items():
            path = run.folder / name
            try:
                size = path.stat().st_size
            except OSError:
                continue
            if size > MAX_DOWNLOAD_BYTES:
                st.caption(f"{name} ({words.size(size)}) is too large for a browser.")
                continue
            st.download_button(
                name,
                data=path.read_bytes,
                file_name=f"{run.name}-{name}",
                mime=mime,
                icon=":material/download:",
                on_click="ignore",
                key=f"run_file_{name}",
                help=f"{about} {words.size(size)}.",
            )
    if not is_public():
        st.caption(f"All of it lies in {words.plain(str(run.folder))}")
