"""Model predictions for the clips of a dataset: run a model, and choose which results to show."""

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from lab.core.workspace import Workspace
from lab.dataset import EXCLUDED, Dataset, DatasetClip, predictions, statistics
from lab.dataset.predictions import FOLDER_NAME
from lab.jobs.prediction import PredictionJob
from lab.ui import formatting
from lab.ui.datasets.problem_table import show_problems
from lab.ui.datasets.shared import DATASET_HASH, load_clips, load_table
from lab.ui.job_list import show_jobs
from lab.ui.models import choose_model
from lab.ui.server import server

_NONE = "none"


def choose_predictions(workspace: Workspace, dataset: Dataset) -> str | None:
    """Let the person choose whose predictions to show; None if they want none."""
    models = predictions.list_models(dataset)
    model = _NONE
    if models:
        model = st.selectbox(
            "Predictions",
            [_NONE, *models],
            index=1,
            format_func=lambda name: (
                "Without predictions" if name == _NONE else f"Predictions of {name}"
            ),
            key=f"predictions_{dataset.name}",
            label_visibility="collapsed",
            width=240,
        )
    with st.popover("Add predictions", icon=":material/hearing:"):
        st.markdown(
            "A model transcribes each clip. Where its prediction differs from the text, one of "
            "them is wrong."
        )
        clips = tuple(clip for clip in load_clips(dataset) if clip.status != EXCLUDED)
        predict_button(workspace, dataset, clips)
    show_prediction_jobs(workspace, key="browse_predictions")
    return None if model == _NONE else model


def join_predictions(dataset: Dataset, model: str) -> pd.DataFrame:
    """The table of clips with the predictions of a model, cached; do not modify it.

    Raises LabError.
    """
    folder = dataset.folder / FOLDER_NAME
    modified_ns = max((path.stat().st_mtime_ns for path in folder.glob("*.csv")), default=0)
    return _joined(dataset, model, modified_ns)


def predict_button(workspace: Workspace, dataset: Dataset, clips: tuple[DatasetClip, ...]) -> None:
    """Let the person choose a model and transcribe the clips; existing predictions are reused."""
    model = choose_model(workspace)
    if st.button(
        f"Transcribe {formatting.count(len(clips), 'clip')}",
        icon=":material/play_arrow:",
        disabled=not clips,
    ):
        server().predictions.submit(PredictionJob(workspace, dataset.name, clips, model.name))


def show_prediction_jobs(
    workspace: Workspace,
    *,
    key: str,
    on_end: Callable[[Sequence[PredictionJob]], None] = lambda _: None,
) -> None:
    """Show the queue of predictions; on_end: as for `show_jobs`"""
    show_jobs(
        workspace,
        server().predictions,
        key=key,
        title=lambda job: (
            f"{formatting.count(len(job.clips), 'clip')} of {formatting.escape(job.dataset_name)} "
            f":gray[{formatting.escape(job.model)} ·]"
        ),
        details=lambda job: show_problems(
            job.skipped, "could not be read", name=job.dataset_name, key=f"skipped_{job.id}"
        ),
        on_end=on_end,
    )


@st.cache_resource(
    max_entries=2, show_spinner="Comparing texts and predictions …", hash_funcs=DATASET_HASH
)
def _joined(dataset: Dataset, model: str, modified_ns: int) -> pd.DataFrame:  # noqa: ARG001 - a key
    return statistics.with_predictions(load_table(dataset), predictions.load(dataset, model))
