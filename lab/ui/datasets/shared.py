"""What the rooms of a dataset share: its clips as they are now, and who is working."""

from pathlib import Path

import pandas as pd
import streamlit as st

from lab.dataset import Dataset, Entry, statistics

_PERSON = "person"


def entries(dataset: Dataset) -> tuple[Entry, ...]:
    """The clips as they are now, read anew only after a change; raises LabError."""
    return _entries(dataset.folder, dataset.name, dataset.revision())


def frame(dataset: Dataset) -> pd.DataFrame:
    """The same as a table (of `lab.dataset.statistics`); not to be changed. Raises LabError."""
    return _frame(dataset.folder, dataset.name, dataset.revision())


def person() -> str:
    """What the person calls themselves; "" until they say."""
    return str(st.session_state.get(_PERSON, ""))


def ask_person() -> None:
    """A field for the name of whoever corrects; it goes into the history of the dataset."""
    st.text_input(
        "Your name",
        key=_PERSON,
        max_chars=60,
        placeholder="Optional; goes into the history",
        persist_state="session",
    )


# The folder holds the visitor's own; nobody changes what these give.
@st.cache_resource(max_entries=4, show_spinner="Reading the dataset …")
def _entries(folder: Path, name: str, revision: tuple[int, int, int]) -> tuple[Entry, ...]:  # noqa: ARG001 - a key
    return tuple(Dataset(name, folder).entries())


@st.cache_resource(max_entries=2, show_spinner=False)
def _frame(folder: Path, name: str, revision: tuple[int, int, int]) -> pd.DataFrame:
    return statistics.frame(_entries(folder, name, revision))
