"""Plotly figures for the pages."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.colors as go_colors
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from lab.core.languages import LANGUAGES
from lab.features.feature import Feature
from lab.features.reduce import Envelope

# Plotly does not know the app's theme, so these colours stand out on light and on dark.
ACCENT = "#168479"
MARK = "#c2570c"
# As RGB, because Streamlit replaces "#000004", the first colour of Plotly's own Magma, by one of
# its theme.
MAGMA = ["rgb(0, 0, 4)", *go_colors.sequential.Magma[1:]]
_MARGIN = {"l": 0, "r": 0, "t": 4, "b": 4}


def show(figure: go.Figure, **options: Any) -> Any:
    """Show a figure without Plotly's toolbar; options: as for `st.plotly_chart`"""
    return st.plotly_chart(figure, config={"displayModeBar": False}, **options)


def select_span(figure: go.Figure, *, key: str) -> tuple[float, float] | None:
    """Show a `selectable` waveform; returns the start and end of the selection in seconds."""
    event = show(figure, on_select="rerun", selection_mode="box", key=key)
    if not (boxes := event["selection"]["box"]):
        return None
    start_s, end_s = sorted(boxes[0]["x"])
    return start_s, end_s


def language_bars(probabilities: Mapping[str, float]) -> go.Figure:
    """The five most probable languages as horizontal bars. probabilities: 0 to 1, by code"""
    ranked = sorted(probabilities.items(), key=lambda item: -item[1])[:5]
    values = [probability for _, probability in ranked]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=[LANGUAGES.get(code, code) for code, _ in ranked],
            orientation="h",
            marker_color=ACCENT,
            text=[f"{value:.1%}" for value in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.2%}<extra></extra>",
        )
    )
    figure.update_layout(
        height=44 * len(ranked) + 30,
        margin={"l": 0, "r": 48, "t": 8, "b": 8},
        xaxis={"range": [0, 1.0], "tickformat": ".0%", "fixedrange": True},
        yaxis={"autorange": "reversed", "fixedrange": True},
    )
    return figure


def waveform(
    envelope: Envelope,
    *,
    start_s: float = 0.0,
    spans_s: Iterable[tuple[float, float]] = (),
    peak: float | None = None,
    height: int = 130,
    selectable: bool = False,
) -> go.Figure:
    """A waveform, with some time spans highlighted.

    start_s: time of the waveform's start in its recording
    spans_s: start and end of each span, seconds in the recording
    peak: largest value to make room for, 1.0 being full scale; None takes that of the waveform
    selectable: let the person select a time span by dragging
    """
    figure = go.Figure(_waveform_trace(envelope, start_s, selectable=selectable))
    for begin_s, end_s in spans_s:
        figure.add_vrect(
            x0=begin_s, x1=end_s, fillcolor=MARK, opacity=0.18, line_width=1, line_color=MARK
        )
    if peak is None:
        peak = float(np.abs([envelope.lowest, envelope.highest]).max(initial=0.0))
    y_max = max(1.05 * peak, 0.05)
    figure.update_layout(
        height=height,
        margin=_MARGIN,
        showlegend=False,
        dragmode="select" if selectable else "zoom",
        selectdirection="h",
        xaxis={"ticksuffix": " s", "showgrid": False},
        yaxis={"range": [-y_max, y_max], "fixedrange": True, "tickformat": ".2~f"},
    )
    return figure


def _waveform_trace(
    envelope: Envelope, start_s: float, *, selectable: bool = False
) -> go.Scattergl:
    # One vertical stroke per slice; drawn densely, the strokes fill the outline.
    values = np.stack([envelope.lowest, envelope.highest], axis=1).ravel()
    return go.Scattergl(
        x=np.repeat(envelope.times + start_s, 2).astype(np.float32),
        y=values.astype(np.float32),
        mode="lines+markers" if selectable else "lines",  # only markers can be selected
        marker={"size": 1, "color": ACCENT},
        line={"width": 1, "color": ACCENT},
        hovertemplate="%{x:.2f} s<extra></extra>",
    )


def feature(
    feature: Feature,
    *,
    scale: tuple[float, float],
    height: int,
    start_s: float = 0.0,
    colour_map: str = "magma",
    compact: bool = False,
) -> go.Figure:
    """Any feature on its own axes: a heatmap if it has two dimensions, else a line.

    scale: values at the ends of the colour map
    start_s: time at which a feature over time starts in its recording
    compact: units on the ticks instead of titles, and no colour bar
    """
    figure = go.Figure(_feature_trace(feature, start_s, colour_map, scale))
    figure.update_layout(height=height, margin=_MARGIN, showlegend=False)
    if compact:
        figure.update_traces(showscale=False)
        figure.update_xaxes(ticksuffix=f" {feature.axes[-1].unit}")
        figure.update_yaxes(ticksuffix=f" {feature.axes[0].unit}", fixedrange=True)
    else:
        figure.update_xaxes(title=feature.axes[-1].title)
        figure.update_yaxes(title=_y_title(feature))
    return figure


def feature_below_waveform(
    envelope: Envelope,
    feature: Feature,
    *,
    scale: tuple[float, float],
    start_s: float = 0.0,
    colour_map: str = "magma",
    height: int = 420,
) -> go.Figure:
    """A feature over time, below the waveform; zooming one zooms the other.

    scale: values at the ends of the colour map, or of the vertical axis of a line
    start_s: time in the recording at which both start
    """
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.22, 0.78], vertical_spacing=0.03
    )
    figure.add_trace(_waveform_trace(envelope, start_s), row=1, col=1)
    figure.add_trace(_feature_trace(feature, start_s, colour_map, scale), row=2, col=1)
    figure.update_layout(height=height, margin=_MARGIN, showlegend=False)
    figure.update_yaxes(showticklabels=False, fixedrange=True, row=1, col=1)
    if feature.array.ndim == 1:
        padding = 0.05 * (scale[1] - scale[0]) or 1.0
        figure.update_yaxes(range=[scale[0] - padding, scale[1] + padding], row=2, col=1)
    elif feature.axes[0].listed is not None:
        # Otherwise Plotly reads the names as numbers, and draws high mel bins wider than low ones.
        figure.update_yaxes(type="category", nticks=10, row=2, col=1)
    figure.update_yaxes(title=_y_title(feature), row=2, col=1)
    figure.update_xaxes(title=feature.axes[-1].title, row=2, col=1)
    return figure


def _feature_trace(
    feature: Feature, start: float, colour_map: str, scale: tuple[float, float]
) -> go.Scattergl | go.Heatmap:
    columns = feature.axes[-1]
    x = (columns.values() + start).astype(np.float32)
    unit = f" {feature.unit}" if feature.unit else ""
    if feature.array.ndim == 1:
        return go.Scattergl(
            x=x,
            y=feature.array,
            mode="lines",
            line={"width": 1.5, "color": ACCENT},
            hovertemplate=f"%{{x:.2f}} {columns.unit}: %{{y:.4~g}}{unit}<extra></extra>",
        )
    return go.Heatmap(
        x=x,
        y=_row_values(feature),
        z=feature.array,
        zmin=scale[0],
        zmax=scale[1],
        colorscale=MAGMA if colour_map == "magma" else colour_map,
        colorbar={"thickness": 10, "title": feature.unit or None},
        hovertemplate=f"%{{x:.2f}} {columns.unit}, %{{y}} {feature.axes[0].unit}: "
        f"%{{z:.4~g}}{unit}<extra></extra>",
    )


def _row_values(feature: Feature) -> list[str] | NDArray[np.float32]:
    """Numbers if the rows are evenly spaced; else names, which Plotly draws equally high."""
    rows = feature.axes[0]
    values = rows.values()
    if rows.listed is None:
        return values.astype(np.float32)
    decimals = 0 if len(set(values.round())) == len(values) else 2
    return [f"{value:.{decimals}f}" for value in values]


def _y_title(feature: Feature) -> str:
    return feature.axes[0].title if feature.array.ndim > 1 else feature.quantity_title


def add_words(figure: go.Figure, words: Sequence[tuple[float, float, str]]) -> go.Figure:
    """Write words over the feature of `feature_below_waveform`.

    words: start and end in seconds, and the text
    """
    subplot = {"xref": "x2", "yref": "y2 domain"}
    line = {"color": "rgba(255, 255, 255, 0.3)", "width": 1}
    for start_s, end_s, text in words:
        for edge_s in (start_s, end_s):
            figure.add_shape(type="line", x0=edge_s, x1=edge_s, y0=0, y1=1, line=line, **subplot)
        figure.add_annotation(
            x=(start_s + end_s) / 2,
            y=1,
            **subplot,
            yanchor="top",
            text=escape(text),
            textangle=-90,
            showarrow=False,
            font={"color": "white", "size": 11},
        )
    return figure
