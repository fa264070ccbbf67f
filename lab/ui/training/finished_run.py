"""What follows a finished run: evaluation, regression check, publishing, export, its files."""

import re

import streamlit as st

from lab.asr.checkpoints import list_models
from lab.core.workspace import Workspace
from lab.dataset.snapshot import file_signature
from lab.evaluation.report_files import CSV_NAME, JSON_NAME
from lab.export.model_card import build_run_card
from lab.health import HealthReport, read_report
from lab.training import metrics
from lab.training.models import is_used_by_another_run
from lab.training.run import CONFIG, HEALTH, MODEL, Run
from lab.ui import formatting
from lab.ui.downloads import MAX_DOWNLOAD_BYTES, download_button
from lab.ui.feedback import errors_shown
from lab.ui.training.evaluation_report import show_report
from lab.ui.training.model_export import show_export
from lab.ui.training.run_tasks import is_busy, show_run_tasks, submit, task_button
from lab.ui.visitors import is_public

_CHECK_ICONS = {
    "green": ":green[:material/check_circle:]",
    "red": ":red[:material/error:]",
    "grey": ":gray[:material/help:]",
}
_FILES = {
    CONFIG: ("application/yaml", "All settings; load them in New run to repeat this run."),
    metrics.FILE_NAME: ("text/csv", "The training curves, one row per step and per validation."),
    JSON_NAME: ("application/json", "The scores of the evaluation."),
    CSV_NAME: ("text/csv", "Every clip of the evaluation, with the prediction of each model."),
    MODEL: ("application/octet-stream", "The model, as an openai-whisper checkpoint."),
}


def show_best_checkpoint(workspace: Workspace, run: Run) -> None:
    """Offer to make a model of the best checkpoint of a run that was stopped or has failed."""
    if file_signature(run.best_checkpoint) > file_signature(run.model_path):  # by time
        task_button("Use the best checkpoint", ":material/bookmark_added:", workspace, run, "keep")
        st.caption("It becomes the model of this run, which can still be resumed.")


def show_finished_run(workspace: Workspace, run: Run) -> None:
    """Show the evaluation and the regression check of a run's model, and ways to use it."""
    show_run_tasks(workspace)
    st.subheader("Evaluation")
    if (run.folder / JSON_NAME).exists():
        with errors_shown():
            show_report(workspace, run.folder, key=f"run_{run.name}")
    else:
        st.markdown("The model has not been compared with its base model on the test clips yet.")
        task_button("Evaluate", ":material/rule:", workspace, run, "evaluate")
    st.subheader("Regression check")
    _show_health(workspace, run)
    st.subheader("Use the model")
    _show_publish(workspace, run)
    _show_card(run)
    show_export(workspace, run)


def show_files(run: Run) -> None:
    """Show a download button for each file that the run has, and where they are."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for name, (mime, about) in _FILES.items():
            path = run.folder / name
            try:
                size = path.stat().st_size
            except OSError:
                continue
            if size > MAX_DOWNLOAD_BYTES:
                st.caption(f"{name} ({formatting.size(size)}) is too large to download here.")
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
        st.caption(f"Folder of the run: {formatting.escape(str(run.folder))}")


def _show_health(workspace: Workspace, run: Run) -> None:
    if run.config.architecture:
        st.caption("The model was trained from scratch, so there is no base model to compare with.")
        return
    path = run.folder / HEALTH
    label = "Run the regression check"
    if path.exists():
        label = "Repeat the regression check"
        with errors_shown():
            _show_checks(read_report(path))
    else:
        st.markdown(
            "Fine-tuning on short clips can break what an error rate on short clips does not show: "
            "long recordings, silence, other languages, timestamps. The check takes a few minutes."
        )
    task_button(label, ":material/health_and_safety:", workspace, run, "health")


def _show_checks(report: HealthReport) -> None:
    sentence = formatting.escape(report.sentence)
    if report.is_healthy:
        st.success(sentence, icon=":material/health_and_safety:")
    elif not report.is_conclusive:
        st.info(sentence, icon=":material/help:")
    else:
        st.error(sentence, icon=":material/personal_injury:")
    for check in report.checks:
        st.markdown(
            f"{_CHECK_ICONS[check.state]} **{formatting.escape(check.title)}** "
            f":gray[{formatting.escape(check.tuned_text)}, "
            f"base model {formatting.escape(check.base_text)}]  \n"
            f"{formatting.escape(check.sentence)}"
        )


def _show_publish(workspace: Workspace, run: Run) -> None:
    st.markdown(
        "**In this app.** Publish the model under a name to select it on every page, next to "
        "Whisper’s own models."
    )
    row = st.container(horizontal=True, vertical_alignment="bottom")
    key = f"publish_name_{run.name}"
    name = row.text_input(
        "Model name", run.name, key=key, persist_state="session", max_chars=64, width=260
    ).strip()
    is_model = name in {info.name for info in list_models(workspace.models_dir)}
    is_run = is_used_by_another_run(run, name)
    row.button(
        "Publish",
        type="primary",
        icon=":material/publish:",
        key="task_publish",
        disabled=not name or is_model or is_run or is_busy(workspace, run, task="publish"),
        on_click=_publish,
        args=(workspace, run, key),
    )
    if is_model or is_run:
        owner = "a model" if is_model else "another run"
        st.caption(
            f"{formatting.escape(name)} is already the name of {owner}. Choose another name."
        )


def _publish(workspace: Workspace, run: Run, key: str) -> None:
    # From the widget: a name typed just before the click has not been drawn yet.
    submit(workspace, run, "publish", name=str(st.session_state[key]).strip())


def _show_card(run: Run) -> None:
    with st.expander("Model card", icon=":material/badge:", on_change="rerun") as expander:
        if expander.open:
            card = build_run_card(run)
            download_button(card, "README.md", mime="text/markdown", key="card_file")
            _, _, text = card.removeprefix("---\n").partition("\n---\n")  # without front matter
            st.markdown(re.sub(r"^(#{1,2}) ", r"###\1 ", text or card, flags=re.MULTILINE))
