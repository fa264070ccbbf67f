"""Analyses that run in the background: audio quality, and whether the language is as stated."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from lab.core.languages import LANGUAGES
from lab.core.workspace import Workspace
from lab.dataset import Dataset, DatasetClip, language_check
from lab.dataset.language_check import SAMPLE_SIZE, LanguageVerdict
from lab.jobs.dataset_analysis import (
    DatasetAnalysisJob,
    DatasetAnalysisQueue,
    LanguageCheckJob,
    LanguageCheckQueue,
)
from lab.ui import formatting
from lab.ui.controls import choose_view
from lab.ui.job_list import show_jobs
from lab.ui.models import choose_model
from lab.ui.server import server
from lab.ui.tables import show_table

# Measured on clips of 3 s: 120 per second for MP3, 70 for Ogg.
_TIMES_REAL_TIME = 250
_TYPICAL_S = 5.0  # assumed for clips of unknown duration
_SAMPLE, _ALL = f"{SAMPLE_SIZE} clips", "All clips"


def show_audio_analysis(
    workspace: Workspace, dataset: Dataset, clips: Sequence[DatasetClip], *, n_analysed: int
) -> None:
    """Show how many clips have been analysed, with a button for the rest and its progress."""
    queue = server().dataset_analyses
    n_left = len(clips) - n_analysed
    st.markdown("##### Audio quality")
    if n_left:
        st.markdown(
            f"{n_analysed:,} of {len(clips):,} clips analysed. The analysis finds noise, silence, "
            "clipping, damaged files and duplicate audio; each clip is analysed once."
        )
        mean_s = sum(clip.duration_s or _TYPICAL_S for clip in clips) / len(clips)
        about = formatting.rough_duration(n_left * mean_s / _TIMES_REAL_TIME)
        which = f"the other {formatting.count(n_left, 'clip')}" if n_analysed else "all clips"
        if st.button(
            f"Analyse {which} (about {about})",
            icon=":material/graphic_eq:",
            disabled=_is_running(queue, workspace, dataset),
            key="analyse_audio",
        ):
            queue.submit(DatasetAnalysisJob(workspace, dataset))
            st.rerun()
    else:
        st.markdown(f":green[:material/check_circle:] All {len(clips):,} clips analysed.")
    show_jobs(
        workspace,
        queue,
        key="audio_analysis",
        title=lambda job: f"Audio of {formatting.escape(job.dataset.name)}",
    )


def show_language_warning(dataset: Dataset, clips: Sequence[DatasetClip]) -> None:
    """Show an error if the clips are in another language than stated."""
    for verdict in _verdicts(dataset, clips)[0]:
        if verdict.state == "mismatch":
            st.error(formatting.escape(verdict.sentence), icon=":material/error:")


def show_language_check(
    workspace: Workspace, dataset: Dataset, clips: Sequence[DatasetClip]
) -> None:
    """Show which language Whisper detects in the clips, with a button to run the detection."""
    st.markdown("##### Language")
    verdicts, checked_by = _verdicts(dataset, clips)
    for verdict in verdicts:
        _show_verdict(verdict, checked_by, clips)
    if not verdicts:
        st.markdown(
            "Whisper detects the spoken language in a sample of clips. This finds datasets with "
            "the wrong language code, such as Serbian (sr) instead of Albanian (sq)."
        )
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        model = choose_model(workspace)
        size = choose_view("Clips to check", [_SAMPLE, _ALL], key="language_check_size")
    queue = server().language_checks
    if row.button(
        "Check the language",
        icon=":material/hearing:",
        disabled=not model.multilingual or _is_running(queue, workspace, dataset),
        help=None
        if model.multilingual
        else "This model understands English only. Choose another one.",
        key="check_language",
    ):
        n_clips = SAMPLE_SIZE if size == _SAMPLE else None
        queue.submit(LanguageCheckJob(workspace, dataset, model.name, n_clips))
        st.rerun()
    show_jobs(
        workspace,
        queue,
        key="language_check",
        title=lambda job: f"Language of {formatting.escape(job.dataset.name)}",
    )


def _is_running(
    queue: DatasetAnalysisQueue | LanguageCheckQueue, workspace: Workspace, dataset: Dataset
) -> bool:
    return any(job.dataset == dataset and not job.is_finished for job in queue.jobs(workspace))


def _verdicts(
    dataset: Dataset, clips: Sequence[DatasetClip]
) -> tuple[Sequence[LanguageVerdict], str]:
    """The results of the latest check for the current clips, and the model that was used."""
    check = language_check.load(dataset)
    if check is None:
        return (), ""
    return language_check.verdicts(language_check.up_to_date(check, clips)), check.model


def _show_verdict(verdict: LanguageVerdict, model: str, clips: Sequence[DatasetClip]) -> None:
    count = formatting.count(verdict.n, "clip")
    message = (
        f"{formatting.escape(verdict.sentence)} "
        f":gray[Checked by {formatting.escape(model)} on {count}.]"
    )
    if verdict.state == "mismatch":
        st.error(message, icon=":material/error:")
    elif verdict.state == "uncertain":
        st.warning(message, icon=":material/help:")
    else:
        st.success(message, icon=":material/check_circle:")
    if not verdict.outliers:
        return
    outliers = sorted(verdict.outliers, key=lambda outlier: -outlier.probability)
    st.markdown(f"{formatting.count(len(outliers), 'clip')} may be in another language:")
    texts = {clip.file_name: clip.transcription for clip in clips}
    show_table(
        {
            "Detected language": [LANGUAGES.get(one.language, one.language) for one in outliers],
            "Probability": [one.probability for one in outliers],
            "Text": [texts.get(one.file_name, "") for one in outliers],
            "Clip": [Path(one.file_name).name for one in outliers],
        },
        column_config={"Probability": st.column_config.NumberColumn(format="percent")},
        key=f"outliers_{verdict.expected}",
    )
