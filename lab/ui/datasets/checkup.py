"""Check: what would harm a model that learns from the clips, and the mend one click away."""

from pathlib import Path

import pandas as pd
import streamlit as st

from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset import EXCLUDED, Dataset
from lab.dataset.checks.known import CHECKS, FIXES, Finding, Fix, Severity
from lab.dataset.checkup import AUTOMATIC, CHECKED, checkup, files_of, mended, to_csv
from lab.dataset.sounds import SOUNDS_NAME, known_sounds
from lab.ui import words
from lab.ui.datasets.choosing import open_dataset
from lab.ui.datasets.clip import show_clip
from lab.ui.datasets.listening import show_guard, show_sound, warn_of_language
from lab.ui.datasets.shared import ask_person, entries
from lab.ui.datasets.undoing import change_all, show_undo

_CLIP = "clip"
_ROWS_SHOWN = 500
_LOOKS: dict[Severity, str] = {
    "serious": ":red[:material/error:]",
    "warning": ":orange[:material/warning:]",
    "note": ":blue[:material/info:]",
}
_COUNTED: dict[Severity, tuple[str, str]] = {
    "serious": ("serious finding", "serious findings"),
    "warning": ("warning", "warnings"),
    "note": ("note", "notes"),
}
_FIX_ICONS: dict[Fix, str] = {
    "exclude": "block",
    "keep_one": "filter_1",
    "clean": "cleaning_services",
    "correct": "edit",
    "split": "call_split",
}
_FIX_HELP: dict[Fix, str] = {
    "exclude": "They stay in the dataset and on the disk, but are in no training and no export.",
    "keep_one": "Of each sound the clip stays that was corrected, or else has a text; the others "
    "are left out.",
    "clean": "Takes out what nobody says, and writes letters, quotes and spaces in one way.",
    "correct": "Opens the first of them in the room Correct.",
    "split": "Opens the room Split, which keeps speakers and sentences apart.",
}


def show_check(workspace: Workspace, dataset: Dataset) -> None:
    """All that is wrong with a dataset, and what is right; raises LabError."""
    clips = [one for one in entries(dataset) if one.status != EXCLUDED]
    if not clips:
        st.info("There is no clip to check; all of them are left out.", icon=":material/block:")
        return
    findings, n_heard = _checked(
        dataset.folder, dataset.name, dataset.revision(), _files_state(dataset)
    )
    warn_of_language(dataset, clips)
    _summary(dataset, findings)
    show_undo(dataset, CHECKED)
    for finding in findings:
        _finding(dataset, finding)
    _fine(findings, is_heard=n_heard == len(clips))
    st.subheader("Listen")
    show_sound(workspace, dataset, clips, n_heard=n_heard)
    show_guard(workspace, dataset, clips)


def _summary(dataset: Dataset, findings: tuple[Finding, ...]) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    counts = [
        f"{_LOOKS[level]} {words.count(n, *_COUNTED[level])}"
        for level in _LOOKS
        if (n := sum(one.severity == level for one in findings))
    ]
    row.markdown(
        "   ".join(counts) or "Nothing was found that would harm a model.", width="stretch"
    )
    with row.popover("Who mends", icon=":material/person:"):
        ask_person()
    row.download_button(
        "csv",
        data=lambda: to_csv(findings).encode("utf-8-sig"),
        file_name=f"{dataset.name}-check.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        disabled=not findings,
        help="A line for each clip of each finding.",
    )


def _finding(dataset: Dataset, finding: Finding) -> None:
    title = (
        f"{_LOOKS[finding.severity]} **{finding.title}** :gray[{words.count(finding.n, 'clip')}]"
    )
    shown = st.expander(title, on_change="rerun", key=f"finding_{finding.key}")
    if not shown.open:
        return
    with shown:
        st.markdown(finding.why)
        row = st.container(horizontal=True, gap="small")
        for number, how in enumerate(finding.fixes):
            row.button(
                FIXES[how],
                key=f"fix_{finding.key}_{how}",
                icon=f":material/{_FIX_ICONS[how]}:",
                type="secondary" if number else "primary",
                help=_FIX_HELP[how],
                on_click=_mend,
                args=(dataset, finding, how),
            )
        _clips(dataset, finding)


def _clips(dataset: Dataset, finding: Finding) -> None:
    known = {entry.file_name: entry for entry in entries(dataset)}
    names, values = finding.clips[:_ROWS_SHOWN], finding.values[:_ROWS_SHOWN]
    event = st.dataframe(
        pd.DataFrame(
            {
                "Found": values,
                "Text": [known[name].transcription for name in names],
                "Split": [known[name].split for name in names],
                "Speaker": [known[name].speaker for name in names],
                "Clip": [Path(name).name for name in names],
            }
        ),
        hide_index=True,
        height=min(38 + 35 * len(names), 290),
        on_select="rerun",
        selection_mode="single-row",
        key=f"clips_{finding.key}_{finding.n}",
        column_config={"Text": st.column_config.TextColumn(width="large")},
    )
    if finding.n > len(names):
        st.caption(f"The first {len(names)} of {finding.n:,}; the csv above has all.")
    rows = event["selection"]["rows"]
    if not rows or rows[0] >= len(names):
        st.caption("Click the box before a line to hear a clip.")
        return
    entry = known[names[rows[0]]]
    with st.container(key=f"heard_{finding.key}"):
        show_clip(dataset, entry, key=f"views_{finding.key}")
    row = st.container(horizontal=True, gap="small")
    for room, icon in (("Browse", "search"), ("Correct", "edit")):
        row.button(
            f"Open it in {room}",
            key=f"open_{finding.key}_{room}",
            icon=f":material/{icon}:",
            on_click=_open,
            args=(dataset, entry.file_name, room),
        )


def _mend(dataset: Dataset, finding: Finding, how: Fix) -> None:
    if how == "split":
        open_dataset(dataset.name, "Split")
    elif how not in AUTOMATIC:
        _open(dataset, finding.clips[0], "Correct")
    else:
        try:
            edits = mended(finding, entries(dataset), how=how)
        except LabError as error:
            st.toast(words.plain(str(error)), icon=":material/error:")
        else:
            change_all(dataset, edits, CHECKED)


def _open(dataset: Dataset, clip: str, room: str) -> None:
    open_dataset(dataset.name, room)
    st.query_params[_CLIP] = clip


def _fine(findings: tuple[Finding, ...], *, is_heard: bool) -> None:
    """What was looked at and is right; what was not looked at is not listed."""
    found = {one.key for one in findings}
    fine = [
        check.fine
        for key, check in CHECKS.items()
        if key not in found and (is_heard or not check.needs_sound)
    ]
    if fine:
        with st.expander(f":green[:material/check_circle:] {len(fine)} checks found nothing"):
            st.markdown("\n".join(f"- {sentence}" for sentence in fine))


def _files_state(dataset: Dataset) -> tuple[int, ...]:
    """Another one after clips were listened to, or sound came or went."""
    state = []
    for path in (dataset.folder / SOUNDS_NAME, dataset.folder / "audio"):
        try:
            stat = path.stat()
        except OSError:
            state += [0, 0]
        else:
            state += [stat.st_mtime_ns, stat.st_size]
    return tuple(state)


# The folder holds the visitor's own; nobody changes what this gives.
@st.cache_resource(max_entries=2, show_spinner="Checking the dataset …")
def _checked(
    folder: Path,
    name: str,
    revision: tuple[int, int, int],  # noqa: ARG001 - a key
    files: tuple[int, ...],  # noqa: ARG001 - a key
) -> tuple[tuple[Finding, ...], int]:
    """What was found, and how many of the clips were listened to."""
    dataset = Dataset(name, folder)
    clips = [one for one in entries(dataset) if one.status != EXCLUDED]
    known = known_sounds(dataset)
    findings = checkup(clips, on_disk=files_of(dataset), sounds=known)
    return tuple(findings), sum(one.file_name in known for one in clips)
