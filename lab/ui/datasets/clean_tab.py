"""Clean: normalise the texts of all clips at once, with a preview."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import PurePosixPath

import streamlit as st

from lab.core.workspace import Workspace
from lab.dataset import Dataset, DatasetClip
from lab.dataset.text_cleaning import RULES, CleaningOptions, CleaningResult, clean_texts
from lab.ui import formatting
from lab.ui.datasets.bulk_edit import change_clips, show_undo
from lab.ui.datasets.shared import DATASET_HASH, choose_page, load_clips
from lab.ui.tables import show_table

_WHAT = "cleaned"
_PAGE_SIZE = 50
_DEFAULTS = {field.name: bool(field.default) for field in fields(CleaningOptions)}


def show_clean(workspace: Workspace, dataset: Dataset) -> None:  # noqa: ARG001 - as all tabs
    """Let the person clean the texts of the dataset; raises LabError if it cannot be read."""
    st.markdown(
        "Whisper learns to write exactly what the texts say, so they should contain only what is "
        "spoken. Letters such as ë and ç are kept."
    )
    show_undo(dataset, _WHAT)
    descriptions = {}
    with st.container(border=True):
        for name, is_on in _DEFAULTS.items():
            row = st.container(horizontal=True, vertical_alignment="center")
            row.toggle(
                name.capitalize(), is_on, key=f"clean_{name}", persist_state="session", width=150
            )
            descriptions[name] = row.container(width="stretch")
    rules = tuple(name for name in _DEFAULTS if st.session_state[f"clean_{name}"])
    result = _cleaned(dataset, rules)
    for name, description in descriptions.items():
        count = "" if name not in rules else ":gray[No changes.]"
        if n_changes := result.counts.get(name):
            clips = formatting.count(result.clip_counts[name], "clip")
            count = f"**{formatting.count(n_changes, 'change')}** :gray[in {clips}.]"
        about = RULES[name].about.replace("[", "\\[")
        description.markdown(f"{about} {count}")
    _show_remaining(
        result.numbers,
        "with numbers in digits",
        "How a number is read aloud can only be decided by listening. Spell numbers out if the "
        "model should write them as words.",
    )
    _show_remaining(
        result.damaged,
        "with damaged letters (�)",
        "These texts were decoded with the wrong encoding before the import. Import them again, "
        "or correct them.",
    )
    _show_changes(dataset, result)


def _show_changes(dataset: Dataset, result: CleaningResult) -> None:
    if not result.changed:
        count = formatting.count(result.n_texts, "text")
        st.success(f"Nothing left to clean in {count}.", icon=":material/check:")
        return
    st.button(
        f"Clean {formatting.count(len(result.changed), 'text')}",
        type="primary",
        icon=":material/mop:",
        on_click=change_clips,
        args=(dataset, [change.edit for change in result.changed], _WHAT),
    )
    if result.emptied:
        st.warning(
            f"Cleaning leaves {formatting.count(len(result.emptied), 'clip')} without a text.",
            icon=":material/warning:",
        )
    page = choose_page(len(result.changed), page_size=_PAGE_SIZE, key="clean_page")
    shown = result.changed[page]
    large = st.column_config.TextColumn(width="large")
    show_table(
        {
            "Before": [change.cleaned.before for change in shown],
            "After": [change.cleaned.text for change in shown],
            "Clip": [PurePosixPath(change.clip.file_name).name for change in shown],
        },
        column_config={"Before": large, "After": large},
    )


def _show_remaining(clips: Sequence[DatasetClip], what: str, advice: str) -> None:
    """List texts that only a person can fix; what: completes the title “3 texts …”"""
    if not clips:
        return
    with st.expander(f"{formatting.count(len(clips), 'text')} {what}", icon=":material/info:"):
        st.markdown(advice)
        shown = clips[:_PAGE_SIZE]
        show_table(
            {
                "Text": [clip.transcription for clip in shown],
                "Clip": [PurePosixPath(clip.file_name).name for clip in shown],
            }
        )
        if len(clips) > len(shown):
            st.caption(f"Showing the first {_PAGE_SIZE}.")


@st.cache_resource(max_entries=4, show_spinner="Cleaning the texts …", hash_funcs=DATASET_HASH)
def _cleaned(dataset: Dataset, rules: tuple[str, ...]) -> CleaningResult:
    options = CleaningOptions(**{rule: rule in rules for rule in _DEFAULTS})
    return clean_texts(load_clips(dataset), options)
