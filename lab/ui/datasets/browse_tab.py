"""Browse: filter, sort, play and inspect the clips, and see their statistics."""

import base64
import mimetypes
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from lab.core.workspace import Workspace
from lab.dataset import Dataset, filters
from lab.ui import formatting
from lab.ui.controls import choose_view
from lab.ui.datasets import statistics
from lab.ui.datasets.clip_view import show_clip
from lab.ui.datasets.navigation import open_dataset, requested_clip, set_clip
from lab.ui.datasets.predictions import choose_predictions, join_predictions
from lab.ui.datasets.shared import choose_page, filter_clips, load_table
from lab.ui.differences import differences_html
from lab.ui.downloads import csv_button
from lab.ui.tables import select_row, show_facts

_PAGE_SIZE = 50
# The browser receives the players of a page all at once.
_MAX_PLAYERS_BYTES = 8_000_000
_IMPORT_ORDER = "import order"
# In display order; those missing from a table are skipped.
_COLUMNS = (
    *("audio", "text", "duration", "wer", "cer", "prediction", "confidence", "speaker", "split"),
    *("status", "words", "rate", "language", "clip"),
)
_EXAMPLES = """
- `duration > 10 and "mirë" in text`
- `speaker == "ana" and not status == "corrected"`
- `words < 3 or rate > 25`
- `split in ("train", "test")`
- `wer > 0.5` (needs predictions)
"""


def show_browse(workspace: Workspace, dataset: Dataset) -> None:
    """Show the clips of a dataset; raises LabError."""
    table = load_table(dataset)
    head, tools = st.container(), st.container(horizontal=True, vertical_alignment="center")
    order = tools.container(horizontal=True, vertical_alignment="center", width="content")
    with tools:
        model = choose_predictions(workspace, dataset)
    if model:
        table = join_predictions(dataset, model)
    with head:
        shown = _filtered(table)
    with order:
        shown = _sorted(shown)
    views: dict[str, Callable[[pd.DataFrame], None]] = {
        "Clips": partial(_show_clips, dataset),
        "Durations": statistics.show_durations,
        "Characters": statistics.show_alphabet,
        "Words": statistics.show_vocabulary,
        **({"Errors": statistics.show_errors} if model else {}),
    }
    with st.container(horizontal=True, vertical_alignment="center"):
        view = choose_view("View", list(views), key="browse_view", persist_state="session")
        duration = formatting.duration(float(shown["duration"].sum()))
        show_facts(f"{len(shown):,} of {len(table):,} clips", duration)
        about = "The clips that match the filter, in the order shown."
        csv_button(lambda: shown.to_csv(index=False), f"{dataset.name}-clips.csv", help=about)
    if shown.empty:
        st.info("No clips match. Change the filter.", icon=":material/filter_alt_off:")
    else:
        views[view](shown)


def _filtered(table: pd.DataFrame) -> pd.DataFrame:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        shown, _ = filter_clips(table, key="filter", bind="query-params")
    with row.popover("Examples", icon=":material/help:"):
        st.markdown(_EXAMPLES)
        columns = {**filters.NUMBERS, **filters.TEXTS}
        st.markdown(
            "\n".join(f"- `{name}`: {about}" for name, about in columns.items() if name in table)
        )
    return shown


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    column = st.selectbox(
        "Sort by",
        [_IMPORT_ORDER, *table.columns],
        key="sort_by",
        persist_state="session",
        label_visibility="collapsed",
        format_func=lambda name: f"Sort by {name}",
        width=200,
    )
    is_descending = st.toggle("Descending", key="sort_descending", persist_state="session")
    if column == _IMPORT_ORDER:
        return table[::-1] if is_descending else table
    return table.sort_values(column, ascending=not is_descending, kind="stable")


def _show_clips(dataset: Dataset, shown: pd.DataFrame) -> None:
    requested = requested_clip()
    matches = (shown["clip"] == requested).to_numpy()
    first_page = int(matches.argmax()) // _PAGE_SIZE + 1  # without a match, page 1
    left, right = st.columns([3, 2], gap="medium")
    with left:
        key = f"page_{dataset.name}"
        page = choose_page(len(shown), page_size=_PAGE_SIZE, key=key, initial=first_page)
        selected = _show_table(dataset, shown.iloc[page]) or requested
    with right:
        clip = dataset.clips_by_name().get(selected)
        if clip is None:
            st.caption("Select a row to play a clip.")
            return
        set_clip(clip.file_name)
        show_clip(dataset, clip)
        _show_prediction(shown, clip.file_name)
        st.button(
            "Correct this clip",
            icon=":material/edit:",
            on_click=open_dataset,
            args=(dataset.name, "Correct"),
            kwargs={"clip": clip.file_name},
        )


def _show_table(dataset: Dataset, page: pd.DataFrame) -> str:
    """Show a page of the table; returns the file name in the selected row, "" if none."""
    players = _players(dataset, page["clip"])
    shown = page.assign(clip=page["clip"].map(lambda name: Path(name).name))
    if players:
        shown.insert(0, "audio", players)
    row = select_row(
        shown,
        max_height=560,
        key=f"table_{dataset.name}",
        column_order=_COLUMNS,
        column_config={
            "audio": st.column_config.AudioColumn("", width=40, help="Double-click to play"),
            "text": st.column_config.TextColumn(width=260),
            "duration": st.column_config.NumberColumn(
                "s", format="%.1f", width=50, help="Duration in seconds"
            ),
            "rate": st.column_config.NumberColumn(format="%.1f", help="Characters per second"),
            "wer": st.column_config.NumberColumn("WER", format="percent", help="Word error rate"),
            "cer": st.column_config.NumberColumn(
                "CER", format="percent", help="Character error rate"
            ),
            "confidence": st.column_config.NumberColumn(format="percent"),
        },
    )
    return "" if row is None else str(page["clip"].iloc[row])


def _players(dataset: Dataset, file_names: "pd.Series[str]") -> list[str] | None:
    """The audio of the clips as data URLs; None if it would be too much for one page."""
    by_name = dataset.clips_by_name()
    paths = [dataset.audio_path(by_name[name]) for name in file_names]
    try:
        if sum(path.stat().st_size for path in paths) > _MAX_PLAYERS_BYTES:
            return None
    except OSError:  # a file is missing; the Check tab reports it
        return None
    return [_data_url(path) for path in paths]


@st.cache_data(max_entries=400, show_spinner=False, scope="session")
def _data_url(path: Path) -> str:
    media_type = mimetypes.guess_type(path.name)[0] or "audio/wav"
    return f"data:{media_type};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _show_prediction(shown: pd.DataFrame, file_name: str) -> None:
    """Show the differences between the text of a clip and the prediction, if there is one."""
    rows = shown[shown["clip"] == file_name]
    if "prediction" in shown and not rows.empty and rows["prediction"].iloc[0]:
        texts = str(rows["text"].iloc[0]), str(rows["prediction"].iloc[0])
        st.html(differences_html(*texts, names=("Text", "Prediction")))
