"""An evaluation report: summary, scores, clips, and the most frequent errors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from lab import dataset as datasets
from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset.snapshot import file_signature
from lab.evaluation import Report, Result, exclusion_note, report_files, rescore, summarize
from lab.evaluation.report_files import CSV_NAME, JSON_NAME
from lab.scoring import Normalizer
from lab.ui import formatting
from lab.ui.controls import choose_view
from lab.ui.datasets.clip_view import show_clip
from lab.ui.datasets.problem_table import show_problems
from lab.ui.datasets.statistics import show_errors
from lab.ui.differences import differences_html
from lab.ui.downloads import download_button
from lab.ui.tables import select_row, show_facts, show_table
from lab.ui.training.custom_normalizer import choose_normalizer

PERCENT = "%.1f %%"
_MAX_ROWS = 1_000
_VIEWS = ("Scores", "Clips", "Errors")
_COUNTS = {
    "insertions": "Words in the prediction that were not spoken.",
    "deletions": "Words that were said and the model left out.",
    "substitutions": "Words that the model replaced with others.",
}


def show_report(workspace: Workspace, folder: Path, *, key: str) -> None:
    """Show the report in a folder; raises LabError if it cannot be read.

    key: prefix of the widgets' keys, different for each report
    """
    report = read_report(folder)
    _show_summary(report, key)
    with st.container(horizontal=True, vertical_alignment="center"):
        view = choose_view("View", _VIEWS, key=f"report_view_{key}", persist_state="session")
        custom = choose_normalizer(key=key)
        download_button(
            (folder / CSV_NAME).read_bytes,
            f"{report.dataset}-{report.split}.csv",
            mime="text/csv",
            label="Download CSV",
            key=f"report_csv_{key}",
            help="Every clip with the prediction of each model.",
        )
    if custom is not None and custom != report.normalizers["custom"]:
        report = _rescored(folder, _version(folder), custom)
    if view == _VIEWS[0]:
        _show_scores(report)
    elif view == _VIEWS[1]:
        _show_clips(workspace, report, key)
    else:
        _show_errors(report, key)


def read_report(folder: Path) -> Report:
    """The report in a folder, cached until its files change; raises LabError."""
    return _read(folder, _version(folder))


def _show_summary(report: Report, key: str) -> None:
    at = report.at[:16].replace("T", " ")
    show_facts(
        f"{formatting.count(len(report.clips), 'clip')} of "
        f"{formatting.escape(report.dataset)}, {formatting.escape(report.split)}",
        formatting.duration(report.duration_s),
        formatting.escape(at),
    )
    for result, sentence in zip(report.results, summarize(report), strict=True):
        comparison = result.versus_baseline.get(report.unit)
        text = formatting.escape(sentence)
        if comparison is None:
            st.markdown(text)
        elif not comparison.is_significant:
            st.info(text, icon=":material/casino:")
        elif comparison.difference < 0:
            st.success(text, icon=":material/trending_up:")
        else:
            st.error(text, icon=":material/trending_down:")
    if note := exclusion_note(report):
        st.caption(formatting.escape(note))
    show_problems(
        report.skipped, "could not be transcribed", name=report.dataset, key=f"skipped_{key}"
    )


def _show_scores(report: Report) -> None:
    rows: list[dict[str, Any]] = []
    for result in report.results:
        counts = result.scores["basic"].words
        rows.append(
            {
                "Model": result.model,
                **{f"WER {name}": 100 * score.wer for name, score in result.scores.items()},
                **{f"CER {name}": 100 * score.cer for name, score in result.scores.items()},
                **{name.capitalize(): getattr(counts, name) for name in _COUNTS},
                "Words": counts.n_reference,
            }
        )
    number = st.column_config.NumberColumn
    show_table(
        pd.DataFrame(rows),
        column_config={
            **{name: number(format=PERCENT) for name in rows[0] if name[:3] in ("WER", "CER")},
            **{name.capitalize(): number(help=about) for name, about in _COUNTS.items()},
        },
    )
    st.caption(
        "WER is the word error rate: insertions, deletions and substitutions as a percentage of "
        "the words that were said. CER is the same for characters. “Raw” counts capitals and "
        "punctuation, “basic” ignores them, “custom” ignores what you choose above. The counts on "
        "the right are of words, by “basic”."
    )


def _show_clips(workspace: Workspace, report: Report, key: str) -> None:
    orders = _orders(report)
    order = st.selectbox(
        "Order",
        list(orders),
        key=f"report_order_{key}",
        persist_state="session",
        label_visibility="collapsed",
        width=320,
    )
    indices = orders[order][:_MAX_ROWS]
    columns: dict[str, list[object]] = {
        "Reference": [report.clips[index].transcription for index in indices]
    }
    for result in report.results:
        scores = result.clip_scores["basic"]
        columns[f"WER {result.model}"] = [scores[index].wer for index in indices]
    for result in reversed(report.results):
        texts = result.hypotheses.texts
        columns[f"Prediction of {result.model}"] = [texts[index] for index in indices]
    columns["Speaker"] = [report.clips[index].speaker for index in indices]
    row = select_row(
        columns,
        max_height=400,
        key=f"report_clips_{key}_{order}",
        column_config={
            name: st.column_config.NumberColumn(format="percent")
            for name in columns
            if name.startswith("WER")
        },
    )
    if len(report.clips) > len(indices):
        st.caption(
            f"The first {_MAX_ROWS:,} of {len(report.clips):,} clips. The CSV file has all of them."
        )
    if row is not None:
        _show_clip(workspace, report, indices[row], key)
        return
    st.caption("Select a row to play the clip. The first one:")
    _show_differences(report, indices[0], [*report.results[:1], *report.results[1:][-1:]])


def _orders(report: Report) -> dict[str, list[int]]:
    """Ways to sort the clips, as indices, by their label."""
    indices = range(len(report.clips))

    def worst_first(result: Result) -> list[int]:
        scores = result.clip_scores["basic"]
        return sorted(indices, key=lambda index: (-scores[index].wer, -scores[index].words.errors))

    orders = {f"Highest WER of {one.model}": worst_first(one) for one in reversed(report.results)}
    if len(report.results) > 1:
        first, last = (report.results[index].clip_scores["basic"] for index in (0, -1))
        gains = [first[index].words.errors - last[index].words.errors for index in indices]
        orders["Most errors added"] = sorted(indices, key=lambda index: gains[index])
        orders["Most errors corrected"] = sorted(indices, key=lambda index: -gains[index])
    orders["Order of the dataset"] = list(indices)
    return orders


def _show_clip(workspace: Workspace, report: Report, index: int, key: str) -> None:
    left, right = st.columns([2, 3], gap="medium")
    with left:
        try:
            dataset = datasets.find(workspace, report.dataset)
            clip = dataset.clips_by_name()[report.clips[index].file_name]
        except (LabError, KeyError):
            st.caption("The clip is no longer in the dataset, so it cannot be played.")
        else:
            show_clip(dataset, clip, key=f"report_clip_{key}")
    with right:
        _show_differences(report, index, report.results)


def _show_differences(report: Report, index: int, results: Sequence[Result]) -> None:
    """Show where the predictions for a clip differ from its reference text."""
    for result in results:
        st.markdown(f"**{formatting.escape(result.model)}**")
        texts = report.clips[index].transcription, result.hypotheses.texts[index]
        st.html(differences_html(*texts, names=("Reference", "Prediction")))


def _show_errors(report: Report, key: str) -> None:
    names = [result.model for result in report.results]
    name = choose_view(
        "Model", names, key=f"report_model_{key}", initial=-1, persist_state="session"
    )
    result = report.results[names.index(name)]
    show_errors(
        pd.DataFrame(
            {
                "text": [clip.transcription for clip in report.clips],
                "prediction": result.hypotheses.texts,
                "wer": [score.wer for score in result.clip_scores["basic"]],
            }
        )
    )


def _version(folder: Path) -> tuple[tuple[int, int], ...]:
    """Changes when the files of a report do."""
    return tuple(file_signature(folder / name) for name in (JSON_NAME, CSV_NAME))


# Resources, not data, so that nothing is copied; nobody modifies what these return.
@st.cache_resource(max_entries=4, show_spinner="Loading the evaluation …")
def _read(folder: Path, version: tuple[tuple[int, int], ...]) -> Report:  # noqa: ARG001 - a key
    return report_files.read(folder)


@st.cache_resource(max_entries=2, show_spinner="Updating the scores …")
def _rescored(folder: Path, version: tuple[tuple[int, int], ...], custom: Normalizer) -> Report:
    return rescore(_read(folder, version), custom)
