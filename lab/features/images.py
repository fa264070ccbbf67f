"""PNG images of features.

matplotlib is used without pyplot, which shares one current figure between all threads.
"""

import io
from typing import TYPE_CHECKING

from lab.audio import Waveform
from lab.core.errors import check_choice
from lab.features.feature import Feature
from lab.features.reduce import max_pool, waveform_envelope
from lab.features.views import find_view

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOUR_MAPS = ("magma", "viridis", "inferno", "plasma", "cividis", "gray_r")

# As in the source lab: 1024 × 1024 pixels, the array alone.
_PLAIN_INCHES, _PLAIN_DPI = (8.0, 8.0), 128
# The width of a page of text, at print resolution.
_PAPER_INCHES, _PAPER_DPI = (7.0, 3.5), 300
# More than the pixels of an image; drawing each value of an hour would take gigabytes.
_MAX_COLUMNS, _MAX_ROWS = 2048, 1024
_LINE_COLOUR = "#168479"
# The axis is linear below and logarithmic above, as in `librosa.display.specshow`.
_MEL_LINEAR_HZ = 1000


def png(feature: Feature, *, colour_map: str = "magma", labelled: bool = False) -> bytes:
    """Return an image of a feature as the bytes of a PNG file.

    colour_map: one of `COLOUR_MAPS`
    labelled: whether to draw axes and a colour bar, for a paper; otherwise the array alone is
        drawn, in 1024 × 1024 pixels

    Raises OptionsError for an unknown colour map.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    check_choice("colour map", colour_map, COLOUR_MAPS)
    inches, dpi = (_PAPER_INCHES, _PAPER_DPI) if labelled else (_PLAIN_INCHES, _PLAIN_DPI)
    figure = Figure(figsize=inches, dpi=dpi, layout="constrained" if labelled else None)
    FigureCanvasAgg(figure)
    if labelled:
        axes = figure.add_subplot()
        axes.set_title(find_view(feature.view).title)
        axes.set_xlabel(feature.axes[-1].title)
    else:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
    if feature.array.ndim == 1:
        _draw_line(axes, feature)
    else:
        small = max_pool(feature, max_columns=_MAX_COLUMNS, max_rows=_MAX_ROWS)
        if labelled:
            _draw_labelled(axes, small, colour_map)
        else:
            axes.imshow(small.array, cmap=colour_map, origin="lower", aspect="auto")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw_labelled(axes: "Axes", feature: Feature, colour_map: str) -> None:
    rows, columns = feature.axes
    mesh = axes.pcolormesh(
        columns.values(), rows.values(), feature.array, cmap=colour_map, shading="nearest",
        rasterized=True,
    )  # fmt: skip
    if rows.listed is not None:
        from matplotlib.ticker import ScalarFormatter

        axes.set_yscale("symlog", linthresh=_MEL_LINEAR_HZ, base=2)
        axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.set_ylabel(rows.title)
    axes.figure.colorbar(mesh, ax=axes, label=feature.quantity_title)


def _draw_line(axes: "Axes", feature: Feature) -> None:
    (axis,) = feature.axes
    if feature.view == "waveform":
        wave = Waveform(feature.array, round(1 / axis.step))
        envelope = waveform_envelope(wave, width=_MAX_COLUMNS)
        axes.fill_between(envelope.times, envelope.lowest, envelope.highest, color=_LINE_COLOUR)
    else:
        small = max_pool(feature, max_columns=_MAX_COLUMNS)
        axes.plot(small.axes[0].values(), small.array, color=_LINE_COLOUR, linewidth=1)
    axes.set_ylabel(feature.quantity_title)
    axes.margins(x=0)
