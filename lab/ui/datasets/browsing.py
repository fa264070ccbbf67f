"""Browse: filter and sort the clips, look at one, and at what all of them are like together."""

import base64
import mimetypes
from pathlib import Path

import pandas as pd
import streamlit as st

from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset import Dataset, filters
from lab.ui import words
from lab.ui.datasets import figures
from lab.ui.datasets.choosing import open_dataset
from lab.ui.datasets.clip import show_clip
from lab.ui.datasets.predicting import choose_predictions, with_predictions
from lab.ui.datasets.shared import entries, frame
from lab.ui.differences import differences_html

_CLIP = "clip"
_PAGE = 50
# What a page of players may weigh: the browser gets all of them at once.
_MAX_PLAYERS_BYTES = 8_000_000
_IN_ORDER = "as added"
# In the order in which one looks; those that a table lacks are passed over.
_COLUMNS = (
    *("sound", "text", "duration", "wer", "cer", "prediction", "confidence", "speaker", "split"),
    *("status", "words", "rate", "language", "clip"),
)
_EXAMPLES = """
- `duration > 10 and "mirë" in text`
- `speaker == "ana" and not status == "corrected"`
- `words < 3 or rate > 25`
- `split in ("train", "test")`
- `wer > 0.5` once a model has listened
"""


def show_browse(workspace: Workspace, dataset: Dataset) -> None:
    """All clips of a dataset; raises LabError where it cannot be read."""
    table = frame(dataset)
    head, tools = st.container(), st.container(horizontal=True, vertical_alignment="center")
    order = tools.container(horizontal=True, vertical_alignment="center", width="content")
    model = choose_predictions(workspace, dataset, tools)
    if model:
        table = with_predictions(dataset, model)
    with head:
        shown = _filtered(table)
    with order:
        shown = _sorted(shown)
    seconds = float(shown["duration"].sum())
    row = st.container(horizontal=True, vertical_alignment="center")
    view = row.segmented_control(
        "View",
        ["Clips", "Lengths", "Letters", "Words", *(["Mistakes"] if model else [])],
        default="Clips",
        required=True,
        key="browse_view",
        persist_state="session",
        label_visibility="collapsed",
    )
    row.markdown(f":gray[{len(shown):,} of {len(table):,} clips · {words.length(seconds)}]")
    row.download_button(
        "csv",
        data=lambda: shown.to_csv(index=False).encode("utf-8-sig"),
        file_name=f"{dataset.name}-clips.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        help="The clips that the filter shows, in this order.",
    )
    if shown.empty:
        st.info("No clip is like this. Change the filter.", icon=":material/filter_alt_off:")
    elif view == "Clips":
        _clips(dataset, shown)
    elif view == "Lengths":
        figures.show_lengths(shown)
    elif view == "Letters":
        figures.show_alphabet(shown)
    elif view == "Words":
        figures.show_vocabulary(shown)
    else:
        figures.show_mistakes(shown)


def _filtered(table: pd.DataFrame) -> pd.DataFrame:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    asked = row.text_input(
        "Filter",
        key="filter",
        bind="query-params",
        placeholder=filters.EXAMPLE,
        icon=":material/filter_alt:",
    )
    with row.popover("Examples", icon=":material/help:"):
        st.markdown(_EXAMPLES)
        names = {**filters.NUMBERS, **filters.TEXTS}
        st.markdown(
            "\n".join(f"- `{name}`: {what}" for name, what in names.items() if name in table)
        )
    if not asked.strip():
        return table
    try:
        return table[filters.parse(asked).mask(table)]
    except LabError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return table


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    column = st.selectbox(
        "Sort by",
        [_IN_ORDER, *table.columns],
        key="sort_by",
        persist_state="session",
        label_visibility="collapsed",
        format_func=lambda name: f"Sorted {name}" if name == _IN_ORDER else f"Sorted by {name}",
        width=200,
    )
    is_descending = st.toggle("Largest first", key="sort_down", persist_state="session")
    if column == _IN_ORDER:
        return table[::-1] if is_descending else table
    return table.sort_values(column, ascending=not is_descending, kind="stable")


def _clips(dataset: Dataset, shown: pd.DataFrame) -> None:
    names = shown["clip"]
    asked = st.query_params.get(_CLIP, "")
    place = int((names == asked).to_numpy().argmax()) if (names == asked).any() else 0
    n_pages = -(-len(shown) // _PAGE)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        number = 1
        if n_pages > 1:
            row = st.container(horizontal=True, vertical_alignment="center")
            number = int(
                row.number_input(
                    "Page",
                    1,
                    n_pages,
                    place // _PAGE + 1,
                    key=f"page_{dataset.name}_{len(shown)}",
                    label_visibility="collapsed",
                    width=150,
                )
            )
            row.markdown(f":gray[page of {n_pages:,}]")
        page = shown.iloc[(number - 1) * _PAGE : number * _PAGE]
        chosen = _table(dataset, page) or asked
    with right:
        entry = next((one for one in entries(dataset) if one.file_name == chosen), None)
        if entry is None:
            st.caption("Click the box before a line to hear and see a clip.")
            return
        st.query_params[_CLIP] = entry.file_name
        show_clip(dataset, entry)
        _prediction(shown, entry.file_name)
        st.button(
            "Correct it",
            icon=":material/edit:",
            on_click=_correct,
            args=(dataset.name, entry.file_name),
        )


def _table(dataset: Dataset, page: pd.DataFrame) -> str:
    """The clips of a page of the table; gives the one that was clicked, "" where none was."""
    players = _players(dataset, tuple(page["clip"]))
    shown = page.assign(clip=page["clip"].map(lambda name: Path(name).name))
    if players:
        shown.insert(0, "sound", players)
    event = st.dataframe(
        shown,
        hide_index=True,
        height=min(38 + 35 * len(shown), 560),
        on_select="rerun",
        selection_mode="single-row",
        key=f"table_{dataset.name}",
        column_order=_COLUMNS,
        column_config={
            "sound": st.column_config.AudioColumn("", width=40, help="Double-click to play"),
            "text": st.column_config.TextColumn(width=260),
            "duration": st.column_config.NumberColumn(
                "s", format="%.1f", width=50, help="Length in seconds"
            ),
            "rate": st.column_config.NumberColumn(format="%.1f", help="Characters a second"),
            "wer": st.column_config.NumberColumn("WER", format="percent"),
            "cer": st.column_config.NumberColumn("CER", format="percent"),
            "confidence": st.column_config.NumberColumn(format="percent"),
        },
    )
    rows = event["selection"]["rows"]
    return str(page["clip"].iloc[rows[0]]) if rows and rows[0] < len(page) else ""


def _players(dataset: Dataset, names: tuple[str, ...]) -> list[str] | None:
    """The sounds as addresses that hold them; None where that would be too much at once."""
    known = {entry.file_name: entry for entry in entries(dataset)}
    paths = [dataset.audio_path(known[name]) for name in names]
    try:
        if sum(path.stat().st_size for path in paths) > _MAX_PLAYERS_BYTES:
            return None
    except OSError:  # one is missing: the check says which
        return None
    return [_address(path) for path in paths]


@st.cache_data(max_entries=400, show_spinner=False, scope="session")
def _address(path: Path) -> str:
    kind = mimetypes.guess_type(path.name)[0] or "audio/wav"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _prediction(shown: pd.DataFrame, clip: str) -> None:
    """What the model heard in a clip, beside its text."""
    if "prediction" not in shown:
        return
    row = shown[shown["clip"] == clip]
    if not row.empty and row["prediction"].iloc[0]:
        texts = str(row["text"].iloc[0]), str(row["prediction"].iloc[0])
        st.html(differences_html(*texts, names=("Text", "Heard")))


def _correct(name: str, clip: str) -> None:
    st.query_params[_CLIP] = clip
    open_dataset(name, "Correct")
