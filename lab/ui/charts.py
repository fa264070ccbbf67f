"""Figures for the pages."""

from collections.abc import Mapping

import plotly.graph_objects as go

from lab.languages import LANGUAGES

# Plotly knows nothing of the app's theme: an accent that stands out on light and on dark.
ACCENT = "#168479"


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
