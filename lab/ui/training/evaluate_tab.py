"""Evaluate: compare any models on any datasets, on the same clips."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from lab import dataset as datasets
from lab.asr.checkpoints import list_models
from lab.core.workspace import Workspace
from lab.dataset import SPLITS
from lab.evaluation import EVERYTHING, matrix, report_files, store
from lab.evaluation.store import Evaluation
from lab.jobs.evaluation import EvaluationJob
from lab.training import runs
from lab.ui import formatting
from lab.ui.controls import choose_remembered, choose_view, remember
from lab.ui.downloads import csv_button
from lab.ui.feedback import attempt, delete_popover, show_failure
from lab.ui.job_list import show_jobs
from lab.ui.server import DEFAULT_MODEL, server
from lab.ui.tables import show_table
from lab.ui.training.evaluation_report import PERCENT, read_report, show_report
from lab.ui.training.navigation import show_no_dataset

_EVALUATION = "evaluation"  # the query parameter
_SPLITS = {**{split: split.capitalize() for split in reversed(SPLITS)}, EVERYTHING: "All clips"}


def show_evaluate(workspace: Workspace) -> None:
    """Let the person evaluate models on datasets, and show the reports."""
    dataset_names = [dataset.name for dataset in datasets.list_all(workspace)]
    if dataset_names:
        _show_form(workspace, dataset_names)
    else:
        show_no_dataset(
            "There is no dataset to evaluate a model on yet. Import one on the **Datasets** page."
        )
    show_jobs(
        workspace,
        server().evaluations,
        key="evaluating",
        title=lambda job: (
            f"{formatting.escape(', '.join(job.models))} on "
            f"{formatting.escape(', '.join(job.dataset_names))}, {job.split}"
        ),
        on_end=_open_newest,
    )
    show_failure()
    if evaluations := store.list_evaluations(workspace):
        st.divider()
        _show_evaluation(workspace, {evaluation.id: evaluation for evaluation in evaluations})


def _show_form(workspace: Workspace, dataset_names: list[str]) -> None:
    infos = {info.name: info for info in list_models(workspace.models_dir)}
    finished = [run.name for run in runs.list_all(workspace) if run.model_path.is_file()]

    def describe(name: str) -> str:
        if name in finished:
            return f"{name} · run"
        return name if infos[name].installed else f"{name} · not downloaded"

    models = st.multiselect(
        "Models, the baseline first",
        list(dict.fromkeys([*infos, *finished])),
        default=[DEFAULT_MODEL],
        format_func=describe,
        key="evaluate_models",
        persist_state="session",
        help="The other models are compared with the first one.",
    )
    row = st.container(horizontal=True, vertical_alignment="bottom")
    names = row.multiselect(
        "Datasets",
        dataset_names,
        default=dataset_names[:1],
        key="evaluate_datasets",
        persist_state="session",
        width=420,
    )
    split = row.selectbox(
        "Split",
        list(_SPLITS),
        format_func=_SPLITS.__getitem__,
        key="evaluate_split",
        persist_state="session",
        width=140,
        help="Which clips to transcribe. A model has already seen those it was trained on: only "
        "the test split shows how well it does on new speech.",
    )
    row.button(
        "Evaluate",
        type="primary",
        icon=":material/rule:",
        disabled=not models or not names,
        on_click=attempt,
        args=(
            server().evaluations.submit,
            EvaluationJob(workspace, tuple(models), tuple(names), split),
        ),
    )
    st.caption("Predictions that a model has already made are reused.")


def _open_newest(jobs: Sequence[EvaluationJob]) -> None:
    for job in jobs:
        if job.evaluation_id:
            remember(_EVALUATION, job.evaluation_id)


def _show_evaluation(workspace: Workspace, evaluations: dict[str, Evaluation]) -> None:
    """Show the evaluation that the person chooses."""
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        evaluation = evaluations[
            choose_remembered(
                "Evaluation",
                list(evaluations),
                param=_EVALUATION,
                format_func=lambda one: (
                    f"{evaluations[one].at:%d %B %Y, %H:%M} UTC · "
                    f"{', '.join(evaluations[one].datasets)}"
                ),
                label_visibility="collapsed",
                width=420,
            )
        ]
        delete_popover(
            "This permanently deletes the report. The predictions of the models stay with the "
            "datasets.",
            store.delete,
            evaluation,
        )
    names = evaluation.datasets
    name = names[0]
    if len(names) > 1:
        _show_matrix(evaluation)
        name = choose_view("Dataset", names, key=f"evaluation_dataset_{evaluation.id}")
    show_report(workspace, evaluation.report_dir(name), key=f"{evaluation.id}_{name}")


def _show_matrix(evaluation: Evaluation) -> None:
    """Show the error rates with a row for each model and a column for each dataset."""
    reports = [read_report(evaluation.report_dir(name)) for name in evaluation.datasets]
    rows = [
        {"Model": model, **{name: 100 * rate for name, rate in rates.items()}}
        for model, rates in matrix(reports).items()
    ]
    show_table(
        pd.DataFrame(rows),
        key="evaluation_matrix",
        column_config={
            report.dataset: st.column_config.NumberColumn(
                f"{report.dataset}, {'WER' if report.unit == 'words' else 'CER'}", format=PERCENT
            )
            for report in reports
        },
    )
    csv_button(lambda: report_files.matrix_csv(reports), report_files.MATRIX_NAME)
