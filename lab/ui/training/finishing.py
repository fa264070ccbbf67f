"""What follows a run that is done: is its model whole, and ways to use it."""

import re
from pathlib import Path

import streamlit as st

from lab.asr.checkpoints import list_models
from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.evaluation.report_files import JSON_NAME
from lab.export.model_card import build_run_card
from lab.health import HealthReport, read_report
from lab.health.report import FILE_NAME as HEALTH_NAME
from lab.jobs.run_tasks import RunTaskJob, Task
from lab.training.models import is_used_by_another_run
from lab.training.run import Run
from lab.ui import formatting
from lab.ui.downloads import download_button
from lab.ui.job_list import show_jobs
from lab.ui.resources import run_task_queue
from lab.ui.training.exporting import show_export, show_verification
from lab.ui.training.tasks import is_busy, submit

_TASKS = {
    "keep": "Keeping the best state of",
    "evaluate": "Evaluating",
    "health": "Health check of",
    "publish": "Publishing",
    "export": "Exporting",
}
_LOOKS = {
    "green": ":green[:material/check_circle:]",
    "red": ":red[:material/error:]",
    "grey": ":gray[:material/help:]",
}


def show_finishing(workspace: Workspace) -> None:
    """What is being done with runs in the background."""
    show_jobs(
        workspace,
        run_task_queue(),
        key="finishing",
        title=lambda job: f"{_TASKS[job.task]} {formatting.plain(job.run.name)}",
        details=_details,
    )


def show_best(workspace: Workspace, run: Run) -> None:
    """A way to use what a run has learned that was stopped or has failed."""
    best, model = _written_at(run.best_checkpoint), _written_at(run.model_path)
    if best is not None and (model is None or model < best):
        _button("Use the best state so far", ":material/bookmark_added:", workspace, run, "keep")
        st.caption("It becomes a model like any other. The run can be resumed all the same.")


def show_finish(workspace: Workspace, run: Run) -> None:
    """Evaluation if there is none, the health check, and the ways to use the model."""
    if not (run.folder / JSON_NAME).exists():
        st.markdown("Nobody knows yet: it was not compared with its base on clips of the test.")
        _button("Evaluate it", ":material/rule:", workspace, run, "evaluate")
    st.subheader("Is it whole?")
    _health(workspace, run)
    st.subheader("Use it")
    _publish(workspace, run)
    _card(run)
    show_export(workspace, run)


def _details(job: RunTaskJob) -> None:
    if job.state == "done" and job.task == "publish":
        st.success(
            f"**{formatting.plain(job.name)}** can be picked on every page now.",
            icon=":material/celebration:",
        )
    if job.verification:
        show_verification(job.verification)


def _health(workspace: Workspace, run: Run) -> None:
    path = run.folder / HEALTH_NAME
    if run.config.architecture:
        st.caption("It started from nothing, so there is no model to compare it with.")
        return
    if path.exists():
        try:
            _checked(read_report(path))
        except LabError as error:
            st.error(formatting.plain(str(error)), icon=":material/error:")
    else:
        st.markdown(
            "Training on short clips can break what an error rate on short clips does not show: "
            "long recordings, silence, other languages, times. The check takes some minutes."
        )
    label = "Check it again" if path.exists() else "Check its health"
    _button(label, ":material/health_and_safety:", workspace, run, "health")


def _checked(report: HealthReport) -> None:
    text = formatting.plain(report.sentence)
    if report.is_healthy:
        st.success(text, icon=":material/health_and_safety:")
    elif not report.is_conclusive:
        st.info(text, icon=":material/help:")
    else:
        st.error(text, icon=":material/personal_injury:")
    for check in report.checks:
        st.markdown(
            f"{_LOOKS[check.state]} **{formatting.plain(check.title)}** "
            f":gray[{formatting.plain(check.tuned_text)}, "
            f"was {formatting.plain(check.base_text)}]  \n"
            f"{formatting.plain(check.sentence)}"
        )


def _submit_publishing(workspace: Workspace, run: Run, key: str) -> None:
    # As it stands in the field now: a name typed just before the click has not been drawn yet.
    submit(workspace, run, "publish", name=str(st.session_state[key]).strip())


def _publish(workspace: Workspace, run: Run) -> None:
    st.markdown("**On every page of this app.** Under a name it can be picked like Whisper’s own.")
    row = st.container(horizontal=True, vertical_alignment="bottom")
    key = f"publish_name_{run.name}"
    name = row.text_input(
        "Name of the model",
        run.name,
        key=key,
        persist_state="session",
        max_chars=64,
        width=260,
    ).strip()
    taken = name in {info.name for info in list_models(workspace.models_dir)}
    is_other = is_used_by_another_run(run, name)
    row.button(
        "Publish",
        type="primary",
        icon=":material/publish:",
        key="task_publish",
        disabled=not name or taken or is_other or is_busy(workspace, run, "publish"),
        on_click=_submit_publishing,
        args=(workspace, run, key),
    )
    if taken:
        st.caption(
            f"{formatting.plain(name)} can be picked already; take another name to publish anew."
        )
    elif is_other:
        st.caption(f"{formatting.plain(name)} is another run; take another name.")


def _card(run: Run) -> None:
    shown = st.expander(
        "Model card: data, figures, limits", icon=":material/badge:", on_change="rerun"
    )
    if not shown.open:
        return
    with shown:
        card = build_run_card(run)
        download_button(card, "README.md", mime="text/markdown", key="card_file")
        _, _, text = card.removeprefix("---\n").partition("\n---\n")  # the head is for programs
        st.markdown(re.sub(r"^(#{1,2}) ", r"###\1 ", text or card, flags=re.MULTILINE))


def _written_at(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _button(label: str, icon: str, workspace: Workspace, run: Run, task: Task) -> None:
    st.button(
        label,
        icon=icon,
        key=f"task_{task}",
        disabled=is_busy(workspace, run, task),
        on_click=submit,
        args=(workspace, run, task),
    )
