"""What a view shows of a stretch, beside how it comes about: chart, words, formula, code, files."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from lab.audio import Waveform
from lab.core.errors import LabError
from lab.features import VIEWS, Feature, FeatureSettings, View, compute, view_problems
from lab.features.code import python_lines
from lab.features.pictures import COLOUR_MAPS
from lab.features.reduce import overview, pooled, waveform_envelope
from lab.features.save import FORMATS, to_bytes, write_zip
from lab.features.spectra import in_decibels
from lab.features.tracks import sounding_part
from lab.ui import charts, words

_COLUMNS, _ROWS, _POINTS, _PIECES = 900, 256, 4000, 1500
_LONG_S = 600.0
_OVERVIEWS: dict[str, Literal["power", "mel"]] = {
    "power": "power",
    "power_db": "power",
    "mel": "mel",
    "log_mel": "mel",
}
_TABLES = ("csv", "txt")
_ZIPPED = ("png", "labelled.png", "npy")
_ZIP = "views_zip"
_FORMAT_NAMES = {
    "png": "Picture",
    "labelled.png": "Picture with axes",
    "npy": "npy",
    "csv": "csv",
    "txt": "txt",
}


def choose_view() -> View:
    """Let the person choose what to look at; the address remembers it."""
    key = st.pills(
        "View",
        list(VIEWS),
        default="log_mel",
        required=True,
        format_func=lambda key: VIEWS[key].title,
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
    return VIEWS[key]


def choose_colours() -> str:
    """The colours of spectrograms."""
    return str(
        st.selectbox("Colours", COLOUR_MAPS, key="colour_map", persist_state="session", width=160)
    )


def show_view(
    view: View,
    stretch: Waveform,
    start_s: float,
    settings: FeatureSettings,
    *,
    colour_map: str,
    key: str,
    scale: tuple[float, float] | None = None,
) -> tuple[float, float] | None:
    """The chart of a view, with the waveform above it on the same time axis.

    scale: the lowest and highest value of colours or heights; what is shown decides where not given
    Returns the scale, to show another one alike; None if nothing could be shown.
    """
    try:
        feature = _seen(view, stretch, settings)
    except LabError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return None
    scale = scale or (float(np.nanmin(feature.array)), float(np.nanmax(feature.array)))
    st.plotly_chart(
        _figure(view, feature, stretch, start_s, settings, colour_map, scale),
        config={"displaylogo": False, "scrollZoom": True},
        key=f"view_{key}",
    )
    st.caption(words.plain(feature.shape_in_words))
    for note in feature.notes:
        st.info(words.plain(note), icon=":material/info:")
    return scale


def show_background(
    view: View, stretch: Waveform, settings: FeatureSettings, *, stem: str, colour_map: str
) -> None:
    """The formula, the lines of Python, and the files."""
    with st.expander("The formula", icon=":material/function:"):
        st.latex(view.formula)
    with st.expander("Show the Python", icon=":material/code:"):
        st.code(
            python_lines(view.key, settings, sample_rate=stretch.sample_rate, path=f"{stem}.wav"),
            language="python",
        )

    def made(file_format: str) -> bytes:
        return to_bytes(compute(view.key, stretch, settings), file_format, colour_map=colour_map)

    is_long = stretch.duration_s > _LONG_S
    row = st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="saves")
    row.markdown(":material/download:", width="content")
    for file_format in FORMATS:
        row.download_button(
            _FORMAT_NAMES[file_format],
            data=partial(made, file_format),
            file_name=f"{stem}-{view.key}.{file_format}",
            on_click="ignore",
            key=f"save_{file_format}",
            disabled=is_long and file_format in _TABLES,
            help="Choose a stretch of ten minutes or less: the table would take gigabytes."
            if is_long and file_format in _TABLES
            else None,
        )
    if not is_long:
        _zip_of_all(stretch, settings, stem, colour_map)


def _zip_of_all(stretch: Waveform, settings: FeatureSettings, stem: str, colour_map: str) -> None:
    """All views in one zip: made when asked for, then offered."""
    identity = (stem, len(stretch.samples), settings, colour_map)
    if st.button("Make a zip of all views", icon=":material/folder_zip:"):
        bar = st.progress(0.0, "Beginning")

        def on_progress(done: float, total: float, note: str = "") -> None:
            bar.progress(done / total, note)

        try:
            with TemporaryDirectory() as folder:
                path = Path(folder) / "views.zip"
                write_zip(
                    path,
                    stretch,
                    settings,
                    formats=_ZIPPED,
                    colour_map=colour_map,
                    on_progress=on_progress,
                )
                st.session_state[_ZIP] = (identity, path.read_bytes())
        except LabError as error:
            st.error(words.plain(str(error)), icon=":material/error:")
        bar.empty()
    made = st.session_state.get(_ZIP)
    if made and made[0] == identity:
        st.download_button(
            f"Download the zip ({words.size(len(made[1]))})",
            data=made[1],
            file_name=f"{stem}-views.zip",
            mime="application/zip",
            on_click="ignore",
            icon=":material/download:",
            key="save_zip",
        )


def _seen(view: View, stretch: Waveform, settings: FeatureSettings) -> Feature:
    """What the view shows; of a long stretch only what there are pixels for."""
    kind = _OVERVIEWS.get(view.key)
    if kind is None or stretch.duration_s <= _LONG_S or view_problems(view.key, stretch, settings):
        return compute(view.key, stretch, settings)
    power = overview(stretch, settings, kind, max_frames=_COLUMNS, max_bins=_ROWS)
    if view.key == kind:
        return power
    return in_decibels(power, view=view.key, top_db=settings.top_db)


def _figure(
    view: View,
    feature: Feature,
    stretch: Waveform,
    start_s: float,
    settings: FeatureSettings,
    colour_map: str,
    scale: tuple[float, float],
) -> go.Figure:
    if view.key == "waveform":
        first_s, last_s = sounding_part(stretch, settings)
        silent = [
            (start_s + begin_s, start_s + end_s)
            for begin_s, end_s in ((0.0, first_s), (last_s, stretch.duration_s))
            if end_s > begin_s
        ]
        envelope = charts.moved(waveform_envelope(stretch, width=_PIECES), start_s)
        highest = max(1.05 * max(map(abs, scale)), 0.05)
        return charts.wave(envelope, spans_s=silent, highest=highest, height=320)
    if feature.axes[-1].unit != "s":
        return charts.feature(feature, colour_map=colour_map, scale=scale, height=380)
    columns = _COLUMNS if feature.array.ndim > 1 else _POINTS
    small = pooled(feature, max_columns=columns, max_rows=_ROWS)
    wave = charts.moved(waveform_envelope(stretch, width=_PIECES), start_s)
    return charts.below_wave(wave, small, start_s, colour_map=colour_map, scale=scale)
