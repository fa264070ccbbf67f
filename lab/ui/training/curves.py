"""The training curves of a run, as figures."""

from collections.abc import Callable, Sequence

import numpy as np
import plotly.graph_objects as go

from lab.training.metrics import Row
from lab.ui.charts import ACCENT, MARK

_HEIGHT = 240
_MAX_POINTS = 600
_SMOOTHING = 10  # steps per moving average of the training loss


def loss(rows: Sequence[Row]) -> go.Figure:
    """Training loss of each step, smoothed if there are many, and validation loss."""
    steps, values = _series(rows, lambda row: row.loss)
    figure = go.Figure()
    if len(steps) > 2 * _SMOOTHING:
        figure.add_trace(_line(*_thin(steps, values), "each step", ACCENT, opacity=0.3, width=1))
        values = np.convolve(values, np.full(_SMOOTHING, 1 / _SMOOTHING), "valid")
        steps = steps[_SMOOTHING - 1 :]
    figure.add_trace(_line(*_thin(steps, values), "training", ACCENT))
    steps, values = _series(rows, lambda row: row.validation_loss)
    figure.add_trace(_line(steps, values, "validation", MARK, mode="lines+markers"))
    return _lay_out(figure, "nats per token")


def error_rates(rows: Sequence[Row]) -> go.Figure:
    """Validation WER and CER."""
    figure = go.Figure()
    for name, colour, get in (
        ("WER", ACCENT, lambda row: row.validation_wer),
        ("CER", MARK, lambda row: row.validation_cer),
    ):
        steps, values = _series(rows, get)
        figure.add_trace(_line(steps, values, name, colour, mode="lines+markers"))
    figure = _lay_out(figure, "")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_traces(hovertemplate="step %{x}: %{y:.1%}")
    return figure


def learning_rate(rows: Sequence[Row]) -> go.Figure:
    """The learning rate of each step."""
    steps, values = _series(rows, lambda row: row.learning_rate)
    figure = go.Figure(_line(*_thin(steps, values), "learning rate", ACCENT))
    figure = _lay_out(figure, "")
    figure.update_yaxes(tickformat=".1~e", rangemode="tozero")
    return figure


def _series(
    rows: Sequence[Row], get: Callable[[Row], float | None]
) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of the rows that have the value."""
    points = [(row.step, value) for row in rows if (value := get(row)) is not None]
    steps, values = zip(*points, strict=True) if points else ((), ())
    return np.array(steps, np.float32), np.array(values, np.float32)


def _thin(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most as many points as a screen can show."""
    stride = -(-len(steps) // _MAX_POINTS) or 1
    return steps[::stride], values[::stride]


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
        hovertemplate="step %{x}: %{y:.3g}",
    )


def _lay_out(figure: go.Figure, unit: str) -> go.Figure:
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 0, "r": 0, "t": 8, "b": 8},
        xaxis={"title": "step", "rangemode": "tozero"},
        yaxis={"title": unit or None},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        showlegend=len(figure.data) > 1,
        uirevision="same",  # keeps the zoom when the page refreshes
    )
    return figure
