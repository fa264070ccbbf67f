"""New run: choose a dataset and settings, see what they mean on this machine, and start."""

import streamlit as st

from lab import dataset as datasets
from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset import SPLITS, Dataset
from lab.dataset.checks.registry import Finding
from lab.dataset.checks.run import check_dataset
from lab.jobs import start_run
from lab.training import run_creation, runs
from lab.training.config import Config
from lab.training.examples import Examples, select_examples
from lab.ui import formatting
from lab.ui.controls import choose_remembered
from lab.ui.datasets.shared import DATASET_HASH, load_clips
from lab.ui.feedback import attempt, show_failure
from lab.ui.page import DATASETS
from lab.ui.training import public_limits
from lab.ui.training.estimate import show_estimate
from lab.ui.training.form import config_of
from lab.ui.training.navigation import DATASET, NOTE, open_run, show_no_dataset
from lab.ui.training.settings import choose_config
from lab.ui.visitors import is_public

_NAME = "train_name"


def show_new_run(workspace: Workspace) -> None:
    """Let the person set up and start a run; raises LabError if the dataset cannot be read."""
    by_name = {dataset.name: dataset for dataset in datasets.list_all(workspace)}
    if not by_name:
        show_no_dataset(
            "There is no dataset to train on yet. Import one on the **Datasets** page; the "
            "Albanian sample there trains in a few minutes."
        )
        return
    if is_public():
        st.info(public_limits.SUMMARY, icon=":material/groups:")
    if note := st.session_state.pop(NOTE, None):
        st.warning(formatting.escape(note), icon=":material/warning:")
    left, right = st.columns([3, 2], gap="large")
    with left:
        dataset = by_name[choose_remembered("Dataset", list(by_name), param=DATASET)]
        config = choose_config(workspace, dataset.name)
    with right:
        st.subheader("Ready for training?")
        _show_summary(dataset)
        if config is None:
            st.caption("The settings are invalid: see the error next to them.")
            return
        examples = _show_examples(dataset, config)
        _show_findings(dataset)
        n_clips = sum(clip.is_usable for clip in load_clips(dataset))
        is_possible = examples is not None or not _has_splits(dataset)
        try:
            public_limits.check_limits(workspace, config, n_clips)
        except LabError as error:
            st.warning(formatting.escape(str(error)), icon=":material/groups:")
            is_possible = False
        show_estimate(workspace, dataset, config, is_possible=is_possible)
        _show_start(workspace, dataset, config, n_clips, is_possible=is_possible)


def _show_summary(dataset: Dataset) -> None:
    """Show how many clips there are, in all and in each split."""
    usable = [clip for clip in load_clips(dataset) if clip.is_usable]
    seconds = sum(clip.duration_s or 0.0 for clip in usable)
    parts = [f"{formatting.count(len(usable), 'clip')} with text", formatting.duration(seconds)]
    for split in SPLITS:
        if n_clips := sum(clip.split == split for clip in usable):
            parts.append(f"{n_clips:,} {split}")
    st.markdown(f"**{formatting.escape(dataset.name)}** :gray[{' · '.join(parts)}]")


def _show_examples(dataset: Dataset, config: Config) -> Examples | None:
    """Show what is wrong with the splits; None if there are none, or no clips in one of them."""
    if not _has_splits(dataset):
        rest = (1 - config.train_ratio) / 2
        st.info(
            "This dataset has no splits yet. When the run starts, its clips are assigned to "
            f"splits: {config.train_ratio:.0%} to train on, {rest:.0%} for validation, which "
            f"selects the best checkpoint, and {rest:.0%} to test the model once at the end. Where "
            "possible, no speaker and no sentence is in more than one split.",
            icon=":material/call_split:",
        )
        return None
    try:
        examples = _examples(dataset, config.max_audio_samples)
    except LabError as error:
        st.warning(formatting.escape(str(error)), icon=":material/call_split:")
        _dataset_link(dataset, "Split", ":material/call_split:")
        return None
    if examples.left_out:
        st.caption(f"Skipped: {formatting.escape(', '.join(examples.left_out))}.")
    if not any(clip.split == "test" and clip.is_usable for clip in load_clips(dataset)):
        st.warning(
            "The test split is empty, so the finished model cannot be evaluated on clips it has "
            "never seen.",
            icon=":material/warning:",
        )
        _dataset_link(dataset, "Split", ":material/call_split:")
    return examples


def _show_findings(dataset: Dataset) -> None:
    """Show how many problems the checks of the dataset find, and name the serious ones."""
    findings = _findings(dataset)
    serious = [finding for finding in findings if finding.check.severity == "serious"]
    n_minor = len(findings) - len(serious)
    minor = formatting.count(n_minor, "minor problem")
    if serious:
        listed = "\n".join(
            f"- {finding.check.title} :gray[{formatting.count(len(finding.clips), 'clip')}]"
            for finding in serious
        )
        also = f" and {minor}" if n_minor else ""
        st.error(
            f"The data check found {formatting.count(len(serious), 'serious problem')}{also}. "
            f"Fix the serious ones first, or they will harm the model:\n{listed}",
            icon=":material/fact_check:",
        )
    elif n_minor:
        st.markdown(f":orange[:material/fact_check:] The data check found {minor}.")
    else:
        st.markdown(":green[:material/fact_check:] The data check found no problems.")
    if findings:
        _dataset_link(dataset, "Check", ":material/fact_check:")


def _show_start(
    workspace: Workspace, dataset: Dataset, config: Config, n_clips: int, *, is_possible: bool
) -> None:
    st.text_input(
        "Run name",
        key=_NAME,
        persist_state="session",
        max_chars=40,
        placeholder=f"{dataset.name}-{config.model}",
    )
    active = [run.name for run in runs.list_all(workspace) if not run.status().is_over]
    if active:
        st.caption(f"{formatting.escape(active[-1])} is in progress; this run will wait for it.")
    st.button(
        "Start training",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not is_possible,
        on_click=attempt,
        args=(_start, workspace, dataset, n_clips),
        width="stretch",
        help="Training continues when you leave this page, close the tab or restart the app.",
    )
    show_failure()


def _start(workspace: Workspace, dataset: Dataset, n_clips: int) -> None:
    config = config_of(dataset.name)  # of the widgets now: the last change may not be drawn yet
    public_limits.check_limits(workspace, config, n_clips)
    name = st.session_state.get(_NAME, "").strip()
    run, _ = run_creation.create_run(workspace, dataset, config, name=name)
    start_run.start(run)
    st.session_state[_NAME] = ""
    open_run(run.name)


def _has_splits(dataset: Dataset) -> bool:
    return any(clip.split for clip in load_clips(dataset) if clip.is_usable)


def _dataset_link(dataset: Dataset, tab: str, icon: str) -> None:
    query = {"dataset": dataset.name, "tab": tab}
    st.page_link(DATASETS.file, label=f"Open the {tab} tab", icon=icon, query_params=query)


# Resources, not data, so that nothing is copied; nobody modifies what these return.
@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=DATASET_HASH)
def _examples(dataset: Dataset, max_audio_samples: int) -> Examples:
    return select_examples(dataset, Config(max_audio_samples=max_audio_samples))


@st.cache_resource(max_entries=2, show_spinner="Checking the dataset …", hash_funcs=DATASET_HASH)
def _findings(dataset: Dataset) -> tuple[Finding, ...]:
    return tuple(check_dataset(dataset))
