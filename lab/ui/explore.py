"""A view of an excerpt: chart, formula, Python code and downloads."""

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
from lab.features.code import python_code
from lab.features.reduce import max_pool, overview, waveform_envelope
from lab.features.save import FORMATS, to_bytes, write_zip
from lab.features.spectra import in_decibels
from lab.features.tracks import non_silent_range
from lab.ui import charts, formatting
from lab.ui.downloads import download_button
from lab.ui.feedback import progress_bar, show_error

_MAX_COLUMNS, _MAX_ROWS, _MAX_POINTS, _ENVELOPE_WIDTH = 900, 256, 4000, 1500
_LONG_S = 600.0
# Views that can be computed at screen resolution, and what they are computed from.
_OVERVIEWS: dict[str, Literal["power", "mel"]] = {
    "power": "power",
    "power_db": "power",
    "mel": "mel",
    "log_mel": "mel",
}
_TABLES = ("csv", "txt")
_TOO_LARGE = "The table would take gigabytes. Select ten minutes or less."
_ZIPPED_FORMATS = ("png", "labelled.png", "npy")
_ZIP = "views_zip"
_FORMAT_NAMES = {"png": "PNG", "labelled.png": "PNG with axes", "npy": "NumPy"}


def choose_view() -> View:
    """Choose a view; the choice is kept in the URL."""
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


def show_view(
    view: View,
    excerpt: Waveform,
    start_s: float,
    settings: FeatureSettings,
    *,
    colour_map: str,
    key: str,
    scale: tuple[float, float] | None = None,
) -> tuple[float, float] | None:
    """Show the chart of a view, with the waveform above it if it is a view over time.

    start_s: time of the excerpt's start in its recording
    scale: lowest and highest value of the colours or the axis; None takes those of the data
    Returns the scale, for a second chart to compare with, or None if the view cannot be computed.
    """
    try:
        feature = _compute_for_screen(view, excerpt, settings)
    except LabError as error:
        show_error(error)
        return None
    scale = scale or (float(np.nanmin(feature.array)), float(np.nanmax(feature.array)))
    st.plotly_chart(
        _figure(view, feature, excerpt, start_s, settings, colour_map, scale),
        config={"displaylogo": False, "scrollZoom": True},
        key=f"view_{key}",
    )
    st.caption(formatting.escape(feature.shape_description))
    for note in feature.notes:
        st.info(formatting.escape(note), icon=":material/info:")
    return scale


def show_details(
    view: View, excerpt: Waveform, settings: FeatureSettings, *, stem: str, colour_map: str
) -> None:
    """Show the view's formula, its Python code and its downloads.

    stem: of the names of downloaded files
    """
    with st.expander("Formula", icon=":material/function:"):
        st.latex(view.formula)
    with st.expander("Python code", icon=":material/code:"):
        st.code(
            python_code(view.key, settings, sample_rate=excerpt.sample_rate, path=f"{stem}.wav"),
            language="python",
        )

    def render(file_format: str) -> bytes:
        return to_bytes(compute(view.key, excerpt, settings), file_format, colour_map=colour_map)

    is_long = excerpt.duration_s > _LONG_S
    row = st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="saves")
    row.markdown(":material/download:", width="content")
    for file_format in FORMATS:
        is_too_large = is_long and file_format in _TABLES
        row.download_button(
            _FORMAT_NAMES.get(file_format, file_format.upper()),
            data=partial(render, file_format),
            file_name=f"{stem}-{view.key}.{file_format}",
            on_click="ignore",
            key=f"save_{file_format}",
            disabled=is_too_large,
            help=_TOO_LARGE if is_too_large else None,
        )
    if not is_long:
        _download_all_views(excerpt, settings, stem, colour_map)


def _download_all_views(
    excerpt: Waveform, settings: FeatureSettings, stem: str, colour_map: str
) -> None:
    """Create a zip of all views on request, then offer it as a download."""
    identity = (stem, len(excerpt.samples), settings, colour_map)
    if st.button("Create a zip of all views", icon=":material/folder_zip:"):
        with progress_bar("Starting") as on_progress, TemporaryDirectory() as folder:
            path = Path(folder) / "views.zip"
            write_zip(
                path,
                excerpt,
                settings,
                formats=_ZIPPED_FORMATS,
                colour_map=colour_map,
                on_progress=on_progress,
            )
            st.session_state[_ZIP] = (identity, path.read_bytes())
    created = st.session_state.get(_ZIP)
    if created and created[0] == identity:
        download_button(
            created[1],
            f"{stem}-views.zip",
            mime="application/zip",
            label=f"Download the zip ({formatting.size(len(created[1]))})",
            key="save_zip",
        )


def _compute_for_screen(view: View, excerpt: Waveform, settings: FeatureSettings) -> Feature:
    """The feature, of a long excerpt only at screen resolution if the view allows it."""
    kind = _OVERVIEWS.get(view.key)
    if kind is None or excerpt.duration_s <= _LONG_S or view_problems(view.key, excerpt, settings):
        return compute(view.key, excerpt, settings)
    power = overview(excerpt, settings, kind, max_frames=_MAX_COLUMNS, max_bins=_MAX_ROWS)
    if view.key == kind:
        return power
    return in_decibels(power, view=view.key, top_db=settings.top_db)


def _figure(
    view: View,
    feature: Feature,
    excerpt: Waveform,
    start_s: float,
    settings: FeatureSettings,
    colour_map: str,
    scale: tuple[float, float],
) -> go.Figure:
    if view.key != "waveform" and feature.axes[-1].unit != "s":
        return charts.feature(feature, colour_map=colour_map, scale=scale, height=380)
    envelope = waveform_envelope(excerpt, width=_ENVELOPE_WIDTH)
    if view.key == "waveform":
        sound_start_s, sound_end_s = non_silent_range(excerpt, settings)
        edges = ((0.0, sound_start_s), (sound_end_s, excerpt.duration_s))
        silence = [(start_s + first, start_s + last) for first, last in edges if last > first]
        peak = max(map(abs, scale))
        return charts.waveform(envelope, start_s=start_s, spans_s=silence, peak=peak, height=320)
    max_columns = _MAX_COLUMNS if feature.array.ndim > 1 else _MAX_POINTS
    return charts.feature_below_waveform(
        envelope,
        max_pool(feature, max_columns=max_columns, max_rows=_MAX_ROWS),
        start_s=start_s,
        colour_map=colour_map,
        scale=scale,
    )
