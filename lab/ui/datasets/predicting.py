"""Models that listen to the clips of a dataset: letting one listen, and choosing what one heard."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lab.core.workspace import Workspace
from lab.dataset import EXCLUDED, Dataset, Entry, predictions, statistics
from lab.dataset.predictions import FOLDER_NAME
from lab.jobs.prediction import PredictionJob
from lab.ui import words
from lab.ui.datasets.shared import entries, frame
from lab.ui.queue import show_queue
from lab.ui.settings import choose_model
from lab.ui.state import prediction_queue

_NOBODY = "no model"
_PROBLEMS_SHOWN = 20


def choose_predictions(workspace: Workspace, dataset: Dataset, row: DeltaGenerator) -> str | None:
    """The model whose predictions stand beside the texts; None where the person wants none.

    row: where the widgets are drawn
    """
    models = predictions.list_models(dataset)
    chosen = None
    if models:
        picked = row.selectbox(
            "Beside the texts",
            [_NOBODY, *models],
            index=1,
            format_func=lambda name: (
                "The texts alone" if name == _NOBODY else f"Beside what {name} heard"
            ),
            key=f"beside_{dataset.name}",
            label_visibility="collapsed",
            width=240,
        )
        chosen = None if picked == _NOBODY else str(picked)
    with row.popover("Let a model listen", icon=":material/hearing:"):
        st.markdown(
            "A model writes what it hears in each clip. Beside the texts that shows where the "
            "model, or the text, is wrong."
        )
        clips = tuple(one for one in entries(dataset) if one.status != EXCLUDED)
        let_listen(workspace, dataset, clips)
    show_listening(workspace, key="browse_listening")
    return chosen


def with_predictions(dataset: Dataset, model: str) -> pd.DataFrame:
    """The table with what a model heard; not to be changed. Raises LabError."""
    folder = dataset.folder / FOLDER_NAME
    written = max((path.stat().st_mtime_ns for path in folder.glob("*.csv")), default=0)
    return _joined(dataset.folder, dataset.name, dataset.revision(), model, written)


def let_listen(workspace: Workspace, dataset: Dataset, clips: tuple[Entry, ...]) -> None:
    """Choose a model and line it up for these clips; those it has heard before cost nothing."""
    model = choose_model(workspace)
    st.button(
        f"Transcribe {words.count(len(clips), 'clip')}",
        icon=":material/play_arrow:",
        disabled=not clips,
        on_click=_submit,
        args=(workspace, dataset, clips, model.name),
    )


def show_listening(
    workspace: Workspace,
    *,
    key: str,
    on_end: Callable[[Sequence[PredictionJob]], None] = lambda _: None,
) -> None:
    """The models that listen, have listened, or wait for it."""
    show_queue(
        workspace,
        prediction_queue(),
        key=key,
        title=lambda job: (
            f"{words.count(len(job.clips), 'clip')} of {words.plain(job.dataset_name)} "
            f":gray[{words.plain(job.model)} ·]"
        ),
        details=_skipped,
        on_end=on_end,
    )


def _submit(workspace: Workspace, dataset: Dataset, clips: tuple[Entry, ...], model: str) -> None:
    prediction_queue().submit(workspace, dataset.name, clips, model)


def _skipped(job: PredictionJob) -> None:
    if job.skipped:
        with st.expander(f"{words.count(len(job.skipped), 'clip')} could not be heard"):
            for problem in job.skipped[:_PROBLEMS_SHOWN]:
                st.markdown(f"- {words.plain(problem.name)}: {words.plain(problem.reason)}")


# The folder holds the visitor's own; nobody changes the table.
@st.cache_resource(max_entries=2, show_spinner="Comparing the texts …")
def _joined(
    folder: Path,
    name: str,
    revision: tuple[int, int, int],  # noqa: ARG001 - a key
    model: str,
    written: int,  # noqa: ARG001 - a key
) -> pd.DataFrame:
    dataset = Dataset(name, folder)
    return statistics.with_predictions(frame(dataset), predictions.load(dataset, model))
