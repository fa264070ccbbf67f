"""New run: settings, what they mean on this machine, and the start."""

from pathlib import Path

import streamlit as st

from lab import dataset as datasets
from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset import EXCLUDED, SPLITS, Dataset
from lab.dataset.audio_stats import load_audio_stats
from lab.dataset.checks.registry import Finding
from lab.dataset.checks.run import existing_files, run_checks
from lab.jobs import run_process
from lab.training import examples, runs, splits
from lab.training.config import Config
from lab.training.examples import Examples
from lab.ui import formatting
from lab.ui.datasets.shared import load_clips
from lab.ui.page import DATASETS
from lab.ui.training import limits
from lab.ui.training.choosing import NOTE, choose_dataset, open_run
from lab.ui.training.estimating import show_estimate
from lab.ui.training.form import config_of
from lab.ui.training.settings import choose_config
from lab.ui.visitors import is_public

_FAILURE, _NAME = "train_failure", "train_name"


def show_new(workspace: Workspace) -> None:
    """Set a run up and start it; raises LabError where the dataset cannot be read."""
    known = {one.name: one for one in datasets.list_all(workspace)}
    if not known:
        st.info(
            "There is no dataset to learn from yet. Bring one in on the page **Datasets**; the "
            "Albanian sample there is trained in a few minutes.",
            icon=":material/dataset:",
        )
        st.page_link(DATASETS.file, label="Bring in a dataset", icon=DATASETS.icon)
        return
    if is_public():
        st.info(limits.IN_WORDS, icon=":material/groups:")
    if note := st.session_state.pop(NOTE, None):
        st.warning(formatting.plain(note), icon=":material/warning:")
    left, right = st.columns([3, 2], gap="large")
    with left:
        dataset = choose_dataset(known)
        config = choose_config(workspace, dataset.name)
    with right:
        st.subheader("Before the start")
        _facts(dataset)
        if config is None:
            st.caption("The settings contradict each other: change them first.")
            return
        chosen = _clips(dataset, config)
        _checks(dataset)
        n_clips = sum(one.is_usable for one in load_clips(dataset))
        is_possible = chosen is not None or not _has_splits(dataset)
        try:
            limits.check(workspace, config, n_clips)
        except LabError as error:
            st.warning(formatting.plain(str(error)), icon=":material/groups:")
            is_possible = False
        show_estimate(workspace, dataset, config, is_possible=is_possible)
        _start_button(workspace, dataset, config, n_clips, is_possible=is_possible)


def _facts(dataset: Dataset) -> None:
    """How many clips each split has."""
    usable = [one for one in load_clips(dataset) if one.is_usable]
    seconds = sum(one.duration_s or 0.0 for one in usable)
    parts = [f"{formatting.count(len(usable), 'clip')} with text", formatting.duration(seconds)]
    for split in SPLITS:
        if n_clips := sum(one.split == split for one in usable):
            parts.append(f"{n_clips:,} {split}")
    st.markdown(f"**{formatting.plain(dataset.name)}** :gray[{' · '.join(parts)}]")


def _clips(dataset: Dataset, config: Config) -> Examples | None:
    """The clips of the run; None where there are none yet, which is said."""
    if not _has_splits(dataset):
        rest = (1 - config.train_ratio) / 2
        st.info(
            "It is in no splits yet. Before the start its clips are dealt out: "
            f"{config.train_ratio:.0%} to learn from, {rest:.0%} to choose the best state of the "
            f"model, {rest:.0%} to score it once at the end. No speaker and no sentence is in two "
            "of them, where that is possible.",
            icon=":material/call_split:",
        )
        return None
    try:
        chosen = _chosen(dataset.folder, dataset.name, dataset.revision(), config.max_audio_samples)
    except LabError as error:
        st.warning(formatting.plain(str(error)), icon=":material/call_split:")
        _link(dataset, "Split", "Open it in Split", ":material/call_split:")
        return None
    if chosen.left_out:
        st.caption(f"Not used: {formatting.plain(', '.join(chosen.left_out))}.")
    if not any(one.split == "test" and one.is_usable for one in load_clips(dataset)):
        st.warning(
            "No clip is in the split test, so that nothing can tell afterwards how good the model "
            "is.",
            icon=":material/warning:",
        )
        _link(dataset, "Split", "Open it in Split", ":material/call_split:")
    return chosen


def _checks(dataset: Dataset) -> None:
    """What the data check finds that would harm the model."""
    findings = _found(dataset.folder, dataset.name, dataset.revision())
    serious = [one for one in findings if one.severity == "serious"]
    n_others = len(findings) - len(serious)
    others = f" and {formatting.count(n_others, 'smaller thing')}" if n_others else ""
    if serious:
        listed = "\n".join(
            f"- {one.title} :gray[{formatting.count(one.n, 'clip')}]" for one in serious
        )
        st.error(
            f"The data check finds {formatting.count(len(serious), 'serious thing')}{others}. "
            f"The model would learn from it:\n{listed}",
            icon=":material/fact_check:",
        )
    elif n_others:
        n_said = formatting.count(n_others, "smaller thing")
        st.markdown(f":orange[:material/fact_check:] The data check finds {n_said}.")
    else:
        st.markdown(":green[:material/fact_check:] The data check finds nothing wrong.")
    if findings:
        _link(dataset, "Check", "Open it in Check", ":material/fact_check:")


def _start_button(
    workspace: Workspace,
    dataset: Dataset,
    config: Config,
    n_clips: int,
    *,
    is_possible: bool,
) -> None:
    st.text_input(
        "Name of the run",
        key=_NAME,
        persist_state="session",
        max_chars=40,
        placeholder=f"{dataset.name}-{config.model}",
    )
    others = [run.name for run in runs.list_all(workspace) if not run.status().is_over]
    if others:
        st.caption(
            f"{formatting.plain(others[-1])} is under way; this run waits until it is its turn."
        )
    st.button(
        "Start training",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not is_possible,
        on_click=_start,
        args=(workspace, dataset, n_clips),
        width="stretch",
        help="It goes on when you leave the page, close the tab or restart the app.",
    )
    if failure := st.session_state.pop(_FAILURE, None):
        st.error(formatting.plain(failure), icon=":material/error:")


def _start(workspace: Workspace, dataset: Dataset, n_clips: int) -> None:
    try:
        # As the widgets are now: a value typed just before the click has not been drawn yet.
        config = config_of(dataset.name)
        limits.check(workspace, config, n_clips)
        name = st.session_state.get(_NAME, "").strip()
        run, _ = splits.create_run(workspace, dataset, config, name=name)
        run_process.start(run)
    except LabError as error:
        st.session_state[_FAILURE] = str(error)
    else:
        st.session_state[_NAME] = ""
        open_run(run.name)


def _has_splits(dataset: Dataset) -> bool:
    return any(one.split for one in load_clips(dataset) if one.is_usable)


def _link(dataset: Dataset, room: str, label: str, icon: str) -> None:
    st.page_link(
        DATASETS.file,
        label=label,
        icon=icon,
        query_params={"dataset": dataset.name, "tab": room},
    )


# The folder holds the visitor's own; nobody changes what these give.
@st.cache_resource(max_entries=2, show_spinner=False)
def _chosen(
    folder: Path,
    name: str,
    revision: tuple[int, int, int],  # noqa: ARG001 - a key
    max_samples: int,
) -> Examples:
    return examples.select_examples(Dataset(name, folder), Config(max_audio_samples=max_samples))


@st.cache_resource(max_entries=2, show_spinner="Checking the dataset …")
def _found(
    folder: Path,
    name: str,
    revision: tuple[int, int, int],  # noqa: ARG001 - a key
) -> tuple[Finding, ...]:
    dataset = Dataset(name, folder)
    clips = [one for one in load_clips(dataset) if one.status != EXCLUDED]
    found = run_checks(
        clips, existing_files=existing_files(dataset), audio_stats=load_audio_stats(dataset)
    )
    return tuple(found)
