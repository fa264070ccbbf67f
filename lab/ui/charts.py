"""Figures for the pages."""

from collections.abc import Iterable, Mapping

import numpy as np
import plotly.graph_objects as go

from lab.features.feature import Feature
from lab.features.reduce import Envelope
from lab.languages import LANGUAGES

# Plotly knows nothing of the app's theme: an accent that stands out on light and on dark.
ACCENT = "#168479"
MARK = "#c2570c"


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
    # One line down and up in each piece: drawn densely it is the filled outline.
    times = np.repeat(envelope.times, 2)
    values = np.stack([envelope.lowest, envelope.highest], axis=1).ravel()
    figure = go.Figure(
        go.Scattergl(
            x=times.astype(np.float32),
            y=values.astype(np.float32),
            mode="lines+markers" if selectable else "lines",  # only markers can be selected
            marker={"size": 1, "color": ACCENT},
            line={"width": 1, "color": ACCENT},
            hovertemplate="%{x:.2f} s<extra></extra>",
        )
    )
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


def spectrogram(feature: Feature, *, range_db: tuple[float, float], height: int = 180) -> go.Figure:
    """A spectrogram in decibels over time and frequency."""
    rows, columns = feature.axes
    figure = go.Figure(
        go.Heatmap(
            x=columns.values().astype(np.float32),
            y=rows.values().astype(np.float32),
            z=feature.array.astype(np.float16).astype(np.float32).round(1),
            zmin=range_db[0],
            zmax=range_db[1],
            colorscale="Magma",
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
