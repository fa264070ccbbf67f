"""Check: problems that would harm training, each with one-click fixes."""

from itertools import chain
from pathlib import Path

import streamlit as st

from lab.core.workspace import Workspace
from lab.dataset import EXCLUDED, Dataset
from lab.dataset.audio_stats import AUDIO_STATS_NAME, load_audio_stats
from lab.dataset.checks.registry import CHECKS, FIXES, Finding, Fix, Severity
from lab.dataset.checks.run import (
    AUTOMATIC_FIXES,
    FIXED,
    existing_files,
    findings_to_csv,
    fix_edits,
    run_checks,
)
from lab.dataset.snapshot import file_signature
from lab.ui import formatting
from lab.ui.datasets.audio_checks import (
    show_audio_analysis,
    show_language_check,
    show_language_warning,
)
from lab.ui.datasets.bulk_edit import change_clips, show_undo
from lab.ui.datasets.clip_view import show_clip
from lab.ui.datasets.navigation import open_dataset
from lab.ui.datasets.shared import DATASET_HASH, ask_editor_name, load_clips
from lab.ui.downloads import csv_button
from lab.ui.feedback import attempt
from lab.ui.tables import select_row

_MAX_ROWS = 500
_ICONS: dict[Severity, str] = {
    "serious": ":red[:material/error:]",
    "warning": ":orange[:material/warning:]",
    "note": ":blue[:material/info:]",
}
_NOUNS: dict[Severity, str] = {"serious": "serious problem", "warning": "warning", "note": "note"}
_FIX_ICONS: dict[Fix, str] = {
    "exclude": "block",
    "keep_one": "filter_1",
    "clean": "cleaning_services",
    "correct": "edit",
    "split": "call_split",
}
_FIX_HELP: dict[Fix, str] = {
    "exclude": "They stay in the dataset, but are not used for training or export.",
    "keep_one": "Of clips with the same audio, keeps a corrected one, or else one with a text, and "
    "excludes the others.",
    "clean": "Removes what is not speech, and normalises letters, quotes and spaces.",
    "correct": "Opens the first of them in the Correct tab.",
    "split": "Opens the Split tab, which keeps speakers and sentences apart.",
}


def show_check(workspace: Workspace, dataset: Dataset) -> None:
    """Show problems, passed checks, and analyses to run; raises LabError."""
    clips = [clip for clip in load_clips(dataset) if clip.status != EXCLUDED]
    if not clips:
        st.info("Nothing to check: all clips are excluded.", icon=":material/block:")
        return
    findings, n_analysed = _findings(dataset, _files_version(dataset))
    show_language_warning(dataset, clips)
    _show_summary(dataset, findings)
    show_undo(dataset, FIXED)
    for finding in findings:
        _show_finding(dataset, finding)
    _show_passed(findings, is_audio_analysed=n_analysed == len(clips))
    st.subheader("Analyses")
    show_audio_analysis(workspace, dataset, clips, n_analysed=n_analysed)
    show_language_check(workspace, dataset, clips)


def _show_summary(dataset: Dataset, findings: tuple[Finding, ...]) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    counts = [
        f"{_ICONS[severity]} {formatting.count(n, _NOUNS[severity])}"
        for severity in _ICONS
        if (n := sum(finding.check.severity == severity for finding in findings))
    ]
    row.markdown("   ".join(counts) or "No problems found.", width="stretch")
    with row.popover("Fixed by", icon=":material/person:", help="Recorded with each fix."):
        ask_editor_name()
    with row:
        csv_button(
            lambda: findings_to_csv(findings),
            f"{dataset.name}-check.csv",
            disabled=not findings,
            help="One row per clip and problem.",
        )


def _show_finding(dataset: Dataset, finding: Finding) -> None:
    count = formatting.count(len(finding.clips), "clip")
    title = f"{_ICONS[finding.check.severity]} **{finding.check.title}** :gray[{count}]"
    expander = st.expander(title, on_change="rerun", key=f"finding_{finding.key}")
    if not expander.open:
        return
    with expander:
        st.markdown(finding.check.why)
        row = st.container(horizontal=True, gap="small")
        for number, fix in enumerate(finding.check.fixes):
            row.button(
                FIXES[fix],
                key=f"fix_{finding.key}_{fix}",
                icon=f":material/{_FIX_ICONS[fix]}:",
                type="secondary" if number else "primary",
                help=_FIX_HELP[fix],
                on_click=_apply_fix,
                args=(dataset, finding, fix),
            )
        _show_clips(dataset, finding)


def _show_clips(dataset: Dataset, finding: Finding) -> None:
    by_name = dataset.clips_by_name()
    clips = [by_name[name] for name in finding.clips[:_MAX_ROWS]]
    selected = select_row(
        {
            "Found": finding.values[:_MAX_ROWS],
            "Text": [clip.transcription for clip in clips],
            "Split": [clip.split for clip in clips],
            "Speaker": [clip.speaker for clip in clips],
            "Clip": [Path(clip.file_name).name for clip in clips],
        },
        max_height=290,
        key=f"clips_{finding.key}_{len(finding.clips)}",
        column_config={"Text": st.column_config.TextColumn(width="large")},
    )
    if len(finding.clips) > len(clips):
        n_clips = f"{len(finding.clips):,}"
        st.caption(f"Showing the first {len(clips)} of {n_clips}; the CSV file has all.")
    if selected is None:
        st.caption("Select a row to play a clip.")
        return
    clip = clips[selected]
    with st.container(key=f"selected_{finding.key}"):
        show_clip(dataset, clip, key=f"chart_{finding.key}")
    row = st.container(horizontal=True, gap="small")
    for tab, icon in (("Browse", "search"), ("Correct", "edit")):
        row.button(
            f"Open in {tab}",
            key=f"open_{finding.key}_{tab}",
            icon=f":material/{icon}:",
            on_click=open_dataset,
            args=(dataset.name, tab),
            kwargs={"clip": clip.file_name},
        )


def _apply_fix(dataset: Dataset, finding: Finding, fix: Fix) -> None:
    if fix == "split":
        open_dataset(dataset.name, "Split")
    elif fix not in AUTOMATIC_FIXES:
        open_dataset(dataset.name, "Correct", clip=finding.clips[0])
    else:
        attempt(_change_clips, dataset, finding, fix)


def _change_clips(dataset: Dataset, finding: Finding, fix: Fix) -> None:
    change_clips(dataset, fix_edits(finding, load_clips(dataset), how=fix), FIXED)


def _show_passed(findings: tuple[Finding, ...], *, is_audio_analysed: bool) -> None:
    """List the checks that found nothing, except those that did not run."""
    failed = {finding.key for finding in findings}
    passed = [
        check.passed
        for key, check in CHECKS.items()
        if key not in failed and (is_audio_analysed or not check.needs_audio_stats)
    ]
    if passed:
        with st.expander(
            f":green[:material/check_circle:] {formatting.count(len(passed), 'check')} passed"
        ):
            st.markdown("\n".join(f"- {sentence}" for sentence in passed))


def _files_version(dataset: Dataset) -> tuple[int, ...]:
    """Changes when clips were analysed, or audio files were added or removed."""
    paths = (dataset.folder / AUDIO_STATS_NAME, dataset.folder / "audio")
    return tuple(chain.from_iterable(map(file_signature, paths)))


@st.cache_resource(max_entries=2, show_spinner="Checking the dataset …", hash_funcs=DATASET_HASH)
def _findings(
    dataset: Dataset,
    files_version: tuple[int, ...],  # noqa: ARG001 - a key
) -> tuple[tuple[Finding, ...], int]:
    """The problems found, and how many clips have had their audio analysed."""
    clips = [clip for clip in load_clips(dataset) if clip.status != EXCLUDED]
    stats = load_audio_stats(dataset)
    findings = run_checks(clips, existing_files=existing_files(dataset), audio_stats=stats)
    return tuple(findings), sum(clip.file_name in stats for clip in clips)
