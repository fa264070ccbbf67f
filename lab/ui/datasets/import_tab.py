"""Import: add a corpus to the workspace as a dataset, after confirming its format."""

from contextlib import suppress

import streamlit as st

from lab import dataset as datasets
from lab.core.archives import ArchiveLimits
from lab.core.errors import LabError
from lab.core.languages import LANGUAGES
from lab.core.workspace import Workspace, slug
from lab.dataset.importing import Source, SourceInfo, UploadedSource, VoxLinguaSource
from lab.importers import CORPUS_FORMATS, CorpusFormat
from lab.importers.corpora import VOXLINGUA
from lab.jobs.imports import ImportJob
from lab.ui import formatting
from lab.ui.controls import choose_language
from lab.ui.datasets.audio_checks import show_language_warning
from lab.ui.datasets.import_sources import ImportChoice, choose_source, clear_upload
from lab.ui.datasets.navigation import open_dataset
from lab.ui.datasets.problem_table import show_problems
from lab.ui.datasets.shared import load_clips
from lab.ui.feedback import errors_shown
from lab.ui.job_list import show_jobs
from lab.ui.server import server
from lab.ui.visitors import is_public

# On a public server, visitors share its disk and memory.
_PUBLIC_LIMITS = ArchiveLimits(members=20_000, member_bytes=1 << 30, total_bytes=2 << 30)


def show_import(workspace: Workspace) -> None:
    """Let the person import a dataset, and show running and finished imports."""
    queue = server().imports
    show_jobs(workspace, queue, key="import_jobs", title=lambda job: formatting.escape(job.name))
    for job in reversed(queue.jobs(workspace)):
        if job.dataset:
            _show_result(workspace, job, job.dataset)
    show_jobs(
        workspace,
        server().language_checks,
        key="import_language_checks",
        title=lambda job: f"Language of {formatting.escape(job.dataset.name)}",
    )
    with errors_shown():
        if choice := choose_source(workspace):
            _confirm(workspace, choice)


def _confirm(workspace: Workspace, choice: ImportChoice) -> None:
    """Show what was detected, let the person correct it, and import it."""
    if isinstance(choice.info, SourceInfo):
        st.info(formatting.escape(choice.info.reason), icon=":material/search:")
        detected, language = choice.info.format, choice.info.language
    else:
        st.warning(formatting.escape(str(choice.info)), icon=":material/help:")
        detected, language = None, ""
    # Each source has its own defaults.
    key = f"{detected.name if detected else ''}_{choice.name}_{language}"
    formats = [VOXLINGUA] if isinstance(choice.source, VoxLinguaSource) else CORPUS_FORMATS
    left, middle, right = st.columns([2, 1, 1])
    corpus_format: CorpusFormat | None = left.selectbox(
        "Format",
        formats,
        index=formats.index(detected) if detected else None,
        format_func=lambda corpus_format: corpus_format.description,
        placeholder="Choose a format",
        key=f"import_format_{key}",
    )
    name = middle.text_input(
        "Dataset name", value=choice.name, max_chars=40, key=f"import_name_{key}"
    ).strip()
    with right:
        spoken = choose_language(language, key=f"import_language_{key}")
    if language and spoken and spoken != language:
        st.warning(
            f"The corpus is labelled {LANGUAGES[language]}; labelled clips keep that language.",
            icon=":material/warning:",
        )
    dataset_name = slug(name)
    if name and not dataset_name:
        st.caption("The name must contain letters (a to z) or digits.")
    elif dataset_name in {dataset.name for dataset in datasets.list_all(workspace)}:
        st.caption(
            f"The clips are added to the existing dataset **{formatting.escape(dataset_name)}**."
        )
    elif dataset_name and dataset_name != name:
        st.caption(f"The dataset will be named **{formatting.escape(dataset_name)}**.")
    st.button(
        "Import",
        type="primary",
        icon=":material/download:",
        disabled=not (dataset_name and corpus_format and spoken),
        on_click=_start,
        args=(workspace, choice.source, key),
    )


def _start(workspace: Workspace, source: Source, key: str) -> None:
    # Read from the fields: text typed just before the click has not reached the script yet.
    name = str(st.session_state[f"import_name_{key}"]).strip()
    corpus_format = st.session_state[f"import_format_{key}"]
    language = st.session_state[f"import_language_{key}"]
    limits = _PUBLIC_LIMITS if is_public() else None
    server().imports.submit(ImportJob(workspace, source, name, corpus_format, language, limits))
    if isinstance(source, UploadedSource):
        clear_upload()


def _show_result(workspace: Workspace, job: ImportJob, name: str) -> None:
    with st.container(border=True, key=f"import_result_{job.id}"):
        row = st.container(horizontal=True, vertical_alignment="center")
        known = f", {job.n_known} already in the dataset" if job.n_known else ""
        row.markdown(
            f":green[:material/check_circle:] **{formatting.escape(name)}**: "
            f"{formatting.count(job.n_new, 'clip')} imported{known}.",
            width="stretch",
        )
        row.button(
            "Open",
            key=f"import_open_{job.id}",
            icon=":material/arrow_forward:",
            type="primary",
            on_click=open_dataset,
            args=(name,),
        )
        with suppress(LabError):  # deleted meanwhile
            dataset = datasets.find(workspace, name)
            show_language_warning(dataset, load_clips(dataset))
        show_problems(job.problems, "skipped", name=name, key=f"import_problems_{job.id}")
