"""Figures for the pages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from html import escape

import numpy as np
import plotly.colors as go_colors
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from lab.core.languages import LANGUAGES
from lab.features.feature import Feature
from lab.features.reduce import Envelope

# Plotly knows nothing of the app's theme: an accent that stands out on light and on dark.
ACCENT = "#168479"
MARK = "#c2570c"
# Streamlit takes "#000004", where plotly's own begins, for a place to put a colour of its theme.
MAGMA = ["rgb(0, 0, 4)", *go_colors.sequential.Magma[1:]]


def language_bars(probabilities: Mapping[str, float], *, most: int = 5) -> go.Figure:
    """The likeliest languages as horizontal bars, the likeliest on top.

    probabilities: language code to probability, 0 to 1
    """
    ranked = sorted(probabilities.items(), key=lambda item: -item[1])[:most]
    names = [LANGUAGES.get(code, code) for code, _ in ranked]
    values = [probability for _, probability in ranked]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=names,
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


def wave(
    envelope: Envelope,
    *,
    spans_s: Iterable[tuple[float, float]] = (),
    highest: float = 1.0,
    height: int = 130,
    selectable: bool = False,
) -> go.Figure:
    """A waveform by its outline, with stretches marked.

    spans_s: start and end of what is marked, seconds
    highest: where the vertical axis ends, in fractions of full scale
    selectable: let the person drag over a stretch
    """
    figure = go.Figure(_outline(envelope, selectable=selectable))
    for start_s, end_s in spans_s:
        figure.add_vrect(
            x0=start_s, x1=end_s, fillcolor=MARK, opacity=0.18, line_width=1, line_color=MARK
        )
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 0, "t": 4, "b": 4},
        showlegend=False,
        dragmode="select" if selectable else "zoom",
        selectdirection="h",
        xaxis={"ticksuffix": " s", "showgrid": False},
        yaxis={"range": [-highest, highest], "fixedrange": True, "tickformat": ".2~f"},
    )
    return figure


def _outline(envelope: Envelope, *, selectable: bool = False) -> go.Scattergl:
    # One line down and up in each piece: drawn densely it is the filled outline.
    values = np.stack([envelope.lowest, envelope.highest], axis=1).ravel()
    return go.Scattergl(
        x=np.repeat(envelope.times, 2).astype(np.float32),
        y=values.astype(np.float32),
        mode="lines+markers" if selectable else "lines",  # only markers can be selected
        marker={"size": 1, "color": ACCENT},
        line={"width": 1, "color": ACCENT},
        hovertemplate="%{x:.2f} s<extra></extra>",
    )


def spectrogram(feature: Feature, *, range_db: tuple[float, float], height: int = 180) -> go.Figure:
    """A spectrogram in decibels over time and frequency."""
    rows, columns = feature.axes
    figure = go.Figure(
        go.Heatmap(
            x=columns.values().astype(np.float32),
            y=rows.values().astype(np.float32),
            z=feature.array,
            zmin=range_db[0],
            zmax=range_db[1],
            colorscale=MAGMA,
            showscale=False,
            hovertemplate="%{x:.2f} s, %{y:.0f} Hz: %{z:.0f} dB<extra></extra>",
        )
    )
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 0, "t": 4, "b": 4},
        xaxis={"ticksuffix": " s"},
        yaxis={"ticksuffix": " Hz", "fixedrange": True},
    )
    return figure


def moved(envelope: Envelope, start_s: float) -> Envelope:
    """The outline of a stretch, at its time in the recording."""
    return replace(envelope, times=envelope.times + start_s)


def feature(
    shown: Feature, *, colour_map: str, scale: tuple[float, float], height: int
) -> go.Figure:
    """Any array of a view, on its own axes."""
    figure = go.Figure(_trace(shown, 0.0, colour_map, scale))
    figure.update_layout(height=height, margin={"l": 0, "r": 0, "t": 4, "b": 4}, showlegend=False)
    figure.update_xaxes(title=shown.axes[-1].title)
    figure.update_yaxes(title=_vertical_title(shown))
    return figure


def below_wave(
    wave: Envelope,
    shown: Feature,
    start_s: float,
    *,
    colour_map: str,
    scale: tuple[float, float],
    height: int = 420,
) -> go.Figure:
    """An array over time with the waveform above it: zooming one zooms the other.

    start_s: where the time axis of the array begins in the recording
    scale: the lowest and highest value
    """
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.22, 0.78], vertical_spacing=0.03
    )
    figure.add_trace(_outline(wave), row=1, col=1)
    figure.add_trace(_trace(shown, start_s, colour_map, scale), row=2, col=1)
    figure.update_layout(height=height, margin={"l": 0, "r": 0, "t": 4, "b": 4}, showlegend=False)
    figure.update_yaxes(showticklabels=False, fixedrange=True, row=1, col=1)
    if shown.array.ndim == 1:
        figure.update_yaxes(range=_with_room(scale), row=2, col=1)
    elif shown.axes[0].listed is not None:
        # Else plotly takes the names for numbers and draws high mel bins wider than low ones.
        figure.update_yaxes(type="category", nticks=10, row=2, col=1)
    figure.update_yaxes(title=_vertical_title(shown), row=2, col=1)
    figure.update_xaxes(title=shown.axes[-1].title, row=2, col=1)
    return figure


def _trace(
    shown: Feature, start: float, colour_map: str, scale: tuple[float, float]
) -> go.Scattergl | go.Heatmap:
    """A heatmap of two dimensions, a line of one."""
    columns = shown.axes[-1]
    x = (columns.values() + start).astype(np.float32)
    unit = f" {shown.unit}" if shown.unit else ""
    if shown.array.ndim == 1:
        return go.Scattergl(
            x=x,
            y=shown.array,
            mode="lines",
            line={"width": 1.5, "color": ACCENT},
            hovertemplate=f"%{{x:.2f}} {columns.unit}: %{{y:.4~g}}{unit}<extra></extra>",
        )
    rows = shown.axes[0]
    return go.Heatmap(
        x=x,
        y=_row_names(shown),
        z=shown.array,
        zmin=scale[0],
        zmax=scale[1],
        colorscale=MAGMA if colour_map == "magma" else colour_map,
        colorbar={"thickness": 10, "title": shown.unit or None},
        hovertemplate=f"%{{x:.2f}} {columns.unit}, %{{y}} {rows.unit}: "
        f"%{{z:.4~g}}{unit}<extra></extra>",
    )


def _row_names(shown: Feature) -> list[str] | NDArray[np.float32]:
    """Evenly spaced rows by their values; others, such as mel bins, by names and equally high."""
    rows = shown.axes[0]
    values = rows.values()
    if rows.listed is None:
        return values.astype(np.float32)
    decimals = 0 if len(set(values.round())) == len(values) else 2
    return [f"{value:.{decimals}f}" for value in values]


def _with_room(scale: tuple[float, float]) -> list[float]:
    """An axis a little longer than what is drawn on it."""
    room = 0.05 * (scale[1] - scale[0]) or 1.0
    return [scale[0] - room, scale[1] + room]


def _vertical_title(shown: Feature) -> str:
    return shown.axes[0].title if shown.array.ndim > 1 else shown.quantity_title


def with_words(figure: go.Figure, spoken: Sequence[tuple[float, float, str]]) -> go.Figure:
    """Words drawn over the lower part of `below_wave`, each from its start to its end (seconds)."""
    for start_s, end_s, text in spoken:
        for edge_s in (start_s, end_s):
            figure.add_shape(
                type="line",
                x0=edge_s,
                x1=edge_s,
                y0=0,
                y1=1,
                yref="y2 domain",
                xref="x2",
                line={"color": "rgba(255, 255, 255, 0.3)", "width": 1},
            )
        figure.add_annotation(
            x=(start_s + end_s) / 2,
            y=1,
            xref="x2",
            yref="y2 domain",
            yanchor="top",
            text=escape(text),
            textangle=-90,
            showarrow=False,
            font={"color": "white", "size": 11},
        )
    return figure
