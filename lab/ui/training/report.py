"""An evaluation to look at: in a sentence, in figures, clip by clip, mistake by mistake."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from lab import dataset as datasets
from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.evaluation import Report, Result, exclusion_note, report_files, rescore, summarize
from lab.evaluation.report_files import CSV_NAME, JSON_NAME
from lab.scoring import Normalizer
from lab.ui import formatting
from lab.ui.datasets.clip_view import show_clip
from lab.ui.datasets.statistics import show_errors
from lab.ui.differences import differences_html
from lab.ui.downloads import download_button
from lab.ui.training.normalising import choose_custom

PERCENT = "%.1f %%"
_ROWS_SHOWN = 1_000
_VIEWS = ("Figures", "Clips", "Mistakes")


def show_report(workspace: Workspace, folder: Path, *, key: str) -> None:
    """The report in a folder; raises LabError where it cannot be read.

    key: tells the widgets of several reports apart
    """
    report = read_report(folder)
    _verdict(report)
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        view = st.segmented_control(
            "View",
            _VIEWS,
            default=_VIEWS[0],
            required=True,
            key=f"report_view_{key}",
            persist_state="session",
            label_visibility="collapsed",
        )
        custom = choose_custom(key=key)
        download_button(
            (folder / CSV_NAME).read_bytes,
            f"{report.dataset}-{report.split}.csv",
            mime="text/csv",
            label="Download CSV",
            key=f"report_csv_{key}",
            help="Every clip with the prediction of each model.",
        )
    if custom is not None and custom != report.normalizers["custom"]:
        report = _rescored(folder, _written(folder), custom)
    if view == _VIEWS[0]:
        _figures(report)
    elif view == _VIEWS[1]:
        _clips(workspace, report, key)
    else:
        _mistakes(report, key)


def read_report(folder: Path) -> Report:
    """The report in a folder, read anew only after a change; raises LabError."""
    return _read(folder, _written(folder))


def _verdict(report: Report) -> None:
    seconds = sum(clip.duration_s or 0.0 for clip in report.clips)
    at = report.at[:16].replace("T", " ")
    st.markdown(
        f":gray[{formatting.count(len(report.clips), 'clip')} of "
        f"{formatting.plain(report.dataset)}, {formatting.plain(report.split)} · "
        f"{formatting.duration(seconds)} · {formatting.plain(at)}]"
    )
    for result, sentence in zip(report.results, summarize(report), strict=True):
        versus = result.versus_baseline.get(report.unit)
        text = formatting.plain(sentence)
        if versus is None:
            st.markdown(text)
        elif not versus.is_significant:
            st.info(text, icon=":material/casino:")
        elif versus.difference < 0:
            st.success(text, icon=":material/trending_up:")
        else:
            st.error(text, icon=":material/trending_down:")
    if sentence := exclusion_note(report):
        st.caption(formatting.plain(sentence))
    if report.skipped:
        n_skipped = formatting.count(len(report.skipped), "clip")
        with st.expander(f"{n_skipped} could not be heard", icon=":material/hearing_disabled:"):
            for problem in report.skipped[:50]:
                st.markdown(
                    f"- {formatting.plain(problem.name)}: {formatting.plain(problem.reason)}"
                )


def _figures(report: Report) -> None:
    rows = []
    for result in report.results:
        counts = result.scores["basic"].words
        rows.append(
            {
                "Model": result.model,
                **{f"WER {name}": 100 * score.wer for name, score in result.scores.items()},
                **{f"CER {name}": 100 * score.cer for name, score in result.scores.items()},
                "Made up": counts.insertions,
                "Left out": counts.deletions,
                "Taken for others": counts.substitutions,
                "Words": counts.n_reference,
            }
        )
    rates = [name for name in rows[0] if name.startswith(("WER", "CER"))]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={name: st.column_config.NumberColumn(format=PERCENT) for name in rates},
    )
    st.caption(
        "WER: errors in words of the texts; CER: the same by character. Raw counts capitals and "
        "punctuation too; basic does not; custom is what you choose above. Made up, left out and "
        "taken for others are words, by basic."
    )


def _clips(workspace: Workspace, report: Report, key: str) -> None:
    order = _orders(report)
    first, last = report.results[0], report.results[-1]
    by = st.selectbox(
        "Sorted by",
        list(order),
        key=f"report_order_{key}",
        persist_state="session",
        label_visibility="collapsed",
        width=320,
    )
    places = order[by][:_ROWS_SHOWN]
    columns: dict[str, list[object]] = {
        "Said": [report.clips[place].transcription for place in places]
    }
    for result in report.results:
        columns[f"WER {result.model}"] = [
            result.clip_scores["basic"][place].wer for place in places
        ]
    for result in reversed(report.results):
        columns[f"Heard by {result.model}"] = [result.hypotheses.texts[place] for place in places]
    columns["Speaker"] = [report.clips[place].speaker for place in places]
    event = st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        height=min(38 + 35 * len(places), 400),
        on_select="rerun",
        selection_mode="single-row",
        key=f"report_clips_{key}_{by}",
        column_config={
            name: st.column_config.NumberColumn(format="percent")
            for name in columns
            if name.startswith("WER")
        },
    )
    if len(report.clips) > len(places):
        st.caption(f"The first {_ROWS_SHOWN:,} of {len(report.clips):,}; the csv has all.")
    chosen = event["selection"]["rows"]
    if chosen and chosen[0] < len(places):
        _clip(workspace, report, places[chosen[0]], key)
        return
    st.caption("Click the box before a line to hear a clip. The first one:")
    shown = [first] if first is last else [first, last]
    _heard(report, places[0], shown)


def _orders(report: Report) -> dict[str, list[int]]:
    """Ways to sort the clips, by what they are called: places in the report."""
    places = range(len(report.clips))

    def worst(result: Result) -> list[int]:
        each = result.clip_scores["basic"]
        return sorted(places, key=lambda place: (-each[place].wer, -each[place].words.errors))

    orders = {f"Worst of {one.model} first": worst(one) for one in reversed(report.results)}
    if len(report.results) > 1:
        first, last = (report.results[number].clip_scores["basic"] for number in (0, -1))
        gains = [first[place].words.errors - last[place].words.errors for place in places]
        orders["What became worse"] = sorted(places, key=lambda place: gains[place])
        orders["What became better"] = sorted(places, key=lambda place: -gains[place])
    orders["As in the dataset"] = list(places)
    return orders


def _clip(workspace: Workspace, report: Report, place: int, key: str) -> None:
    left, right = st.columns([2, 3], gap="medium")
    with left:
        try:
            found = datasets.find(workspace, report.dataset)
            clip = found.clips_by_name()[report.clips[place].file_name]
        except (LabError, KeyError):
            st.caption("The clip is not in the dataset any more, so it cannot be heard.")
        else:
            show_clip(found, clip, key=f"report_clip_{key}")
    with right:
        _heard(report, place, report.results)


def _heard(report: Report, place: int, results: Sequence[Result]) -> None:
    """What models heard in a clip, with what differs from what was said in colour."""
    for result in results:
        st.markdown(f"**{formatting.plain(result.model)}**")
        said = report.clips[place].transcription
        st.html(differences_html(said, result.hypotheses.texts[place], names=("Said", "Heard")))


def _mistakes(report: Report, key: str) -> None:
    names = [result.model for result in report.results]
    name = st.segmented_control(
        "Model",
        names,
        default=names[-1],
        required=True,
        key=f"report_model_{key}",
        persist_state="session",
        label_visibility="collapsed",
    )
    result = report.results[names.index(str(name))]
    show_errors(
        pd.DataFrame(
            {
                "text": [clip.transcription for clip in report.clips],
                "prediction": result.hypotheses.texts,
                "wer": [score.wer for score in result.clip_scores["basic"]],
            }
        )
    )


def _written(folder: Path) -> tuple[int, int]:
    """Another one when the report is another."""
    try:
        return tuple((folder / name).stat().st_mtime_ns for name in (JSON_NAME, CSV_NAME))  # type: ignore[return-value]
    except OSError:
        return 0, 0


# The folder holds the visitor's own; nobody changes what these give.
@st.cache_resource(max_entries=4, show_spinner="Reading the evaluation …")
def _read(folder: Path, written: tuple[int, int]) -> Report:  # noqa: ARG001 - a key
    return report_files.read(folder)


@st.cache_resource(max_entries=2, show_spinner="Counting anew …")
def _rescored(folder: Path, written: tuple[int, int], custom: Normalizer) -> Report:
    return rescore(_read(folder, written), custom)
