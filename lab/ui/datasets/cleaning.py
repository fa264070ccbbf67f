"""Clean: the texts of all clips, before and after, changed as one action."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path, PurePosixPath

import pandas as pd
import streamlit as st

from lab.core.workspace import Workspace
from lab.dataset import Dataset, Entry
from lab.dataset.cleaning import CleanedTexts, clean_texts
from lab.dataset.text_rules import RULES, Cleaning
from lab.ui import words
from lab.ui.datasets.shared import entries
from lab.ui.datasets.undoing import change_all, show_undo

_WHAT = "cleaned"
_PAGE = 50
_ON = {field.name: bool(field.default) for field in fields(Cleaning)}


def show_clean(workspace: Workspace, dataset: Dataset) -> None:  # noqa: ARG001 - as all rooms
    """Clean the texts of a dataset; raises LabError where it cannot be read."""
    st.markdown(
        "Whisper learns to write what the texts say, so they should hold what is heard and nothing "
        "else. Letters such as ë and ç stay as they are."
    )
    show_undo(dataset, _WHAT)
    rules, places = st.container(border=True), {}
    with rules:
        for name, is_on in _ON.items():
            row = st.container(horizontal=True, vertical_alignment="center")
            row.toggle(
                name.capitalize(),
                is_on,
                key=f"clean_{name}",
                persist_state="session",
                width=150,
            )
            row.markdown(RULES[name].about.replace("[", "\\["), width="stretch")
            places[name] = row.container(width=150)
    switched_on = tuple(name for name in _ON if st.session_state[f"clean_{name}"])
    found = _cleaned(dataset.folder, dataset.name, dataset.revision(), switched_on)
    for name in switched_on:
        if found.places[name]:
            places[name].markdown(
                f"**{words.count(found.places[name], 'place')}** "
                f":gray[in {words.count(found.clips[name], 'clip')}]"
            )
        else:
            places[name].markdown(":gray[nothing to do]")
    _left(found)
    _changed(dataset, found)


def _changed(dataset: Dataset, found: CleanedTexts) -> None:
    if not found.changed:
        st.success(f"All {words.count(found.n_texts, 'text')} are clean.", icon=":material/check:")
        return
    count = words.count(len(found.changed), "text")
    st.button(
        f"Clean {count}",
        type="primary",
        icon=":material/mop:",
        on_click=change_all,
        args=(dataset, [one.edit for one in found.changed], _WHAT),
    )
    if found.emptied:
        st.warning(
            f"Of {words.count(len(found.emptied), 'text')} nothing is left: "
            "such a clip then has no text.",
            icon=":material/warning:",
        )
    n_pages = -(-len(found.changed) // _PAGE)
    number = 1
    if n_pages > 1:
        number = st.number_input(
            f"Page of {n_pages:,}", 1, n_pages, key=f"clean_page_{n_pages}", width=160
        )
    shown = found.changed[(number - 1) * _PAGE : number * _PAGE]
    st.dataframe(
        pd.DataFrame(
            {
                "Before": [one.cleaned.before for one in shown],
                "After": [one.cleaned.text for one in shown],
                "Clip": [PurePosixPath(one.entry.file_name).name for one in shown],
            }
        ),
        hide_index=True,
        column_config={
            "Before": st.column_config.TextColumn(width="large"),
            "After": st.column_config.TextColumn(width="large"),
        },
    )


def _left(found: CleanedTexts) -> None:
    _list(
        found.numbers,
        "with numbers in digits",
        "Whisper writes 12 for twelve as well, but which words were said is only heard. Write "
        "them as words where that is how they should be written.",
    )
    _list(
        found.damaged,
        "with letters that were lost (�)",
        "The texts were read in a wrong encoding before they came here. Bring them in again, or "
        "correct them.",
    )


def _list(clips: Sequence[Entry], what: str, about: str) -> None:
    if not clips:
        return
    with st.expander(f"{words.count(len(clips), 'text')} {what}", icon=":material/info:"):
        st.markdown(about)
        shown = clips[:_PAGE]
        st.dataframe(
            pd.DataFrame(
                {
                    "Text": [one.transcription for one in shown],
                    "Clip": [PurePosixPath(one.file_name).name for one in shown],
                }
            ),
            hide_index=True,
        )
        if len(clips) > len(shown):
            st.caption(f"The first {_PAGE} are shown.")


# Nobody changes what it gives.
@st.cache_resource(max_entries=4, show_spinner="Cleaning the texts …")
def _cleaned(
    folder: Path,
    name: str,
    revision: tuple[int, int, int],  # noqa: ARG001 - a key
    switched_on: tuple[str, ...],
) -> CleanedTexts:
    cleaning = Cleaning(**{rule: rule in switched_on for rule in _ON})
    return clean_texts(entries(Dataset(name, folder)), cleaning)
