"""The files of a run, to take away."""

import streamlit as st

from lab.evaluation.report_files import CSV_NAME, JSON_NAME
from lab.training import metrics
from lab.training.run import CONFIG, MODEL, Run
from lab.ui import formatting
from lab.ui.downloads import MAX_DOWNLOAD_BYTES, download_button
from lab.ui.visitors import is_public

_FILES = {
    CONFIG: ("application/yaml", "All settings; a new run with them is the same run."),
    metrics.FILE_NAME: ("text/csv", "The curves: a line for each batch and each validation."),
    JSON_NAME: ("application/json", "The figures of the evaluation."),
    CSV_NAME: ("text/csv", "Every clip of the evaluation, and what each model heard in it."),
    MODEL: ("application/octet-stream", "The model, as openai-whisper reads it."),
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
                st.caption(f"{name} ({formatting.size(size)}) is too large for a browser.")
                continue
            download_button(
                path.read_bytes,
                f"{run.name}-{name}",
                mime=mime,
                label=name,
                key=f"run_file_{name}",
                help=f"{about} {formatting.size(size)}.",
            )
    if not is_public():
        st.caption(f"All of it lies in {formatting.plain(str(run.folder))}")
