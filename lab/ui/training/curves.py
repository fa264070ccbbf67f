"""The curves of a run, as figures."""

from collections.abc import Callable, Sequence

import numpy as np
import plotly.graph_objects as go

from lab.training.metrics import Row
from lab.ui.charts import ACCENT, MARK

_HEIGHT = 240
_MOST_POINTS = 600


def loss(rows: Sequence[Row]) -> go.Figure:
    """Loss of the batches, smoothed where there are many, and of validation."""
    steps, values = _series(rows, lambda row: row.loss)
    figure = go.Figure()
    if len(steps) > 2 * _SMOOTHED:
        figure.add_trace(_line(*_thinned(steps, values), "a batch", ACCENT, opacity=0.3, width=1))
        values = np.convolve(values, np.full(_SMOOTHED, 1 / _SMOOTHED), "valid")
        steps = steps[_SMOOTHED - 1 :]
    figure.add_trace(_line(*_thinned(steps, values), "learning", ACCENT))
    steps, values = _series(rows, lambda row: row.validation_loss)
    figure.add_trace(_line(steps, values, "validation", MARK, mode="lines+markers"))
    return _laid_out(figure, "nats a token")


def errors(rows: Sequence[Row]) -> go.Figure:
    """WER and CER of validation."""
    figure = go.Figure()
    for name, colour, of in (
        ("WER", ACCENT, lambda row: row.validation_wer),
        ("CER", MARK, lambda row: row.validation_cer),
    ):
        steps, values = _series(rows, of)
        figure.add_trace(_line(steps, values, name, colour, mode="lines+markers"))
    figure = _laid_out(figure, "")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_traces(hovertemplate="after batch %{x}: %{y:.1%}")
    return figure


def learning_rate(rows: Sequence[Row]) -> go.Figure:
    """The learning rate of each batch."""
    steps, values = _series(rows, lambda row: row.learning_rate)
    figure = go.Figure(_line(*_thinned(steps, values), "learning rate", ACCENT))
    figure = _laid_out(figure, "")
    figure.update_yaxes(tickformat=".1~e", rangemode="tozero")
    return figure


_SMOOTHED = 10  # batches


def _series(
    rows: Sequence[Row], of: Callable[[Row], float | None]
) -> tuple[np.ndarray, np.ndarray]:
    points = [(row.step, value) for row in rows if (value := of(row)) is not None]
    steps, values = zip(*points, strict=True) if points else ((), ())
    return np.array(steps, np.float32), np.array(values, np.float32)


def _thinned(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As many points as a screen can show."""
    every = -(-len(steps) // _MOST_POINTS) or 1
    return steps[::every], values[::every]


def _line(
    x: np.ndarray,
    y: np.ndarray,
    name: str,
    colour: str,
    *,
    mode: str = "lines",
    opacity: float = 1.0,
    width: float = 2,
) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        name=name,
        mode=mode,
        opacity=opacity,
        line={"color": colour, "width": width},
        marker={"color": colour, "size": 7},
        hovertemplate="batch %{x}: %{y:.3g}",
    )


def _laid_out(figure: go.Figure, unit: str) -> go.Figure:
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 0, "r": 0, "t": 8, "b": 8},
        xaxis={"title": "batches", "rangemode": "tozero"},
        yaxis={"title": unit or None},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        showlegend=len(figure.data) > 1,
        uirevision="same",  # zooming outlives the next look
    )
    return figure
