"""Evaluate: any models on any datasets, side by side on the same clips."""

import pandas as pd
import streamlit as st

from lab import dataset as datasets
from lab.asr.checkpoints import list_models
from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset import SPLITS
from lab.evaluation import EVERYTHING, matrix, report_files, store
from lab.evaluation.store import Evaluation
from lab.jobs.evaluation import EvaluationJob
from lab.training import runs
from lab.ui import formatting
from lab.ui.downloads import csv_button
from lab.ui.job_list import show_jobs
from lab.ui.page import DATASETS
from lab.ui.resources import DEFAULT_MODEL, evaluation_queue
from lab.ui.training.report import PERCENT, read_report, show_report

_MODELS, _DATASETS, _SPLIT = "evaluate_models", "evaluate_datasets", "evaluate_split"
_SHOWN, _FAILURE = "evaluation", "evaluation_failure"
_SPLITS = {**{split: split.capitalize() for split in reversed(SPLITS)}, EVERYTHING: "All clips"}


def show_evaluate(workspace: Workspace) -> None:
    """Choose models and datasets, let them be tried, and look at what came out."""
    known = [one.name for one in datasets.list_all(workspace)]
    if not known:
        st.info(
            "There is no dataset to try a model on yet. Bring one in on the page **Datasets**.",
            icon=":material/dataset:",
        )
        st.page_link(DATASETS.file, label="Bring in a dataset", icon=DATASETS.icon)
    else:
        _choose(workspace, known)
    show_jobs(
        workspace,
        evaluation_queue(),
        key="evaluating",
        title=_title,
        on_end=lambda jobs: _show_made([job.evaluation_id for job in jobs if job.evaluation_id]),
    )
    if failure := st.session_state.pop(_FAILURE, None):
        st.error(formatting.plain(failure), icon=":material/error:")
    kept = store.list_evaluations(workspace)
    if kept:
        _kept(workspace, kept)


def _choose(workspace: Workspace, known: list[str]) -> None:
    infos = {info.name: info for info in list_models(workspace.models_dir)}
    done = [run.name for run in runs.list_all(workspace) if run.model_path.is_file()]
    offered = list(dict.fromkeys([*infos, *done]))

    def described(name: str) -> str:
        if name in done:
            return f"{name} · run"
        return name if infos[name].installed else f"{name} · download"

    models = st.multiselect(
        "Models, the one to compare with first",
        offered,
        default=[DEFAULT_MODEL],
        format_func=described,
        key=_MODELS,
        persist_state="session",
    )
    row = st.container(horizontal=True, vertical_alignment="bottom")
    names = row.multiselect(
        "Datasets",
        known,
        default=known[:1],
        key=_DATASETS,
        persist_state="session",
        width=420,
    )
    split = row.selectbox(
        "Clips",
        list(_SPLITS),
        format_func=_SPLITS.__getitem__,
        key=_SPLIT,
        persist_state="session",
        width=140,
        help="A model that has learned from clips knows them: only those of test say how it does "
        "on new ones.",
    )
    row.button(
        "Evaluate",
        type="primary",
        icon=":material/rule:",
        disabled=not models or not names,
        on_click=_submit,
        args=(workspace, tuple(models), tuple(names), split),
    )
    st.caption("A clip that a model has heard before is not heard again.")


def _submit(
    workspace: Workspace, models: tuple[str, ...], names: tuple[str, ...], split: str
) -> None:
    evaluation_queue().submit(EvaluationJob(workspace, models, names, split))


def _title(job: EvaluationJob) -> str:
    models, names = ", ".join(job.models), ", ".join(job.dataset_names)
    return f"{formatting.plain(models)} on {formatting.plain(names)}, {job.split}"


def _show_made(made: list[str]) -> None:
    if made:
        st.session_state[_SHOWN] = made[-1]


def _kept(workspace: Workspace, kept: list[Evaluation]) -> None:
    """An evaluation that was made, chosen by the person."""
    st.divider()
    ids = [one.id for one in kept]
    asked = st.session_state.get(_SHOWN)
    row = st.container(horizontal=True, vertical_alignment="center")
    by_id = {one.id: one for one in kept}
    chosen = row.selectbox(
        "Evaluation",
        ids,
        index=ids.index(asked) if asked in ids else 0,
        format_func=lambda one: _describe(by_id[one]),
        label_visibility="collapsed",
        width=420,
    )
    st.session_state[_SHOWN] = chosen
    evaluation = by_id[chosen]
    with row.popover("Delete", icon=":material/delete:"):
        st.markdown("This removes the report. What the models heard stays with the datasets.")
        st.button("Delete for good", type="primary", on_click=_delete, args=(evaluation,))
    names = evaluation.datasets
    if len(names) > 1:
        _matrix(evaluation)
    name = names[0]
    if len(names) > 1:
        name = str(
            st.segmented_control(
                "Dataset",
                names,
                default=names[0],
                required=True,
                key=f"evaluation_dataset_{evaluation.id}",
                label_visibility="collapsed",
            )
        )
    show_report(workspace, evaluation.report_dir(name), key=f"{evaluation.id}_{name}")


def _describe(evaluation: Evaluation) -> str:
    return f"{evaluation.at:%d %B %Y, %H:%M} UTC · {', '.join(evaluation.datasets)}"


def _matrix(evaluation: Evaluation) -> None:
    """Error rates, a line for each model and a column for each dataset."""
    reports = [read_report(evaluation.report_dir(name)) for name in evaluation.datasets]
    rates = matrix(reports)
    table = pd.DataFrame(
        [
            {"Model": model, **{name: 100 * rate for name, rate in of.items()}}
            for model, of in rates.items()
        ]
    )
    st.dataframe(
        table,
        hide_index=True,
        key="evaluation_matrix",
        column_config={
            report.dataset: st.column_config.NumberColumn(
                f"{report.dataset}, {'WER' if report.unit == 'words' else 'CER'}",
                format=PERCENT,
            )
            for report in reports
        },
    )
    csv_button(lambda: report_files.matrix_csv(reports), report_files.MATRIX_NAME)


def _delete(evaluation: Evaluation) -> None:
    try:
        store.delete(evaluation)
    except LabError as error:
        st.session_state[_FAILURE] = str(error)
