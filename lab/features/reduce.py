"""Arrays made small enough for a screen: an hour has a hundred samples for each pixel, or more.

Waves are reduced by minimum and maximum, spectrograms by maximum, so that nothing loud gets lost.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lab.audio import Waveform
from lab.features import frames
from lab.features.feature import Axis, Feature, Numbers, frequency_axis, time_axis
from lab.features.settings import FeatureSettings
from lab.features.spectra import mel_axis, mel_filters

# In frames: 0.45 s are frame 120.00000000000001 of a hop of 60 at 16 kHz.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Envelope:
    """The outline of a wave.

    times: s, float64, shape (n,), the middle of each piece
    lowest, highest: float32, shape (n,), of the samples in each piece
    """

    times: NDArray[np.float64]
    lowest: Numbers
    highest: Numbers


def waveform_envelope(
    waveform: Waveform, *, width: int, start_s: float = 0.0, end_s: float | None = None
) -> Envelope:
    """The outline from `start_s` to `end_s` (seconds, clamped) in at most `width` pieces.

    Where there are fewer samples than that, each is a piece of its own.
    """
    part = waveform.slice(start_s, waveform.duration_s if end_s is None else end_s).samples
    first = min(max(round(start_s * waveform.sample_rate), 0), len(waveform.samples))
    size = _group_size(len(part), width)
    starts = np.arange(0, len(part), size)
    middles = first + starts + (size - 1) / 2
    return Envelope(
        middles / waveform.sample_rate,
        np.minimum.reduceat(part, starts) if len(part) else part,
        np.maximum.reduceat(part, starts) if len(part) else part,
    )


def pooled(
    feature: Feature,
    *,
    max_columns: int,
    max_rows: int | None = None,
    start: float = -math.inf,
    end: float = math.inf,
) -> Feature:
    """The largest value of each rectangle, from `start` to `end` of the last axis (mostly seconds).

    max_columns, max_rows: of the result, whose rectangles are all equally large, save the last
    Blank values (NaN) don't count where there are others.
    """
    *row_axes, column_axis = feature.axes
    values, near = column_axis.values(), _ROUNDING * column_axis.step
    chosen = np.flatnonzero((values >= start - near) & (values <= end + near))
    first, last = (int(chosen[0]), int(chosen[-1]) + 1) if len(chosen) else (0, 0)
    size = _group_size(last - first, max_columns)
    array = _pool(feature.array[..., first:last], size)
    axes = [_pooled_axis(column_axis, size, first, last)]
    if row_axes:
        (row_axis,) = row_axes
        row_size = _group_size(row_axis.n, max_rows or row_axis.n)
        array = np.ascontiguousarray(_pool(array.T, row_size).T)
        axes.insert(0, _pooled_axis(row_axis, row_size, 0, row_axis.n))
    return replace(feature, array=array, axes=tuple(axes))


def overview(
    waveform: Waveform,
    settings: FeatureSettings,
    view: Literal["power", "mel"],
    *,
    max_frames: int,
    max_bins: int,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> Feature:
    """`pooled` of a view of linear power, of which only what is visible is computed, never whole.

    Decibels come afterwards (`lab.features.spectra.in_decibels`): with the maximum of the whole
    recording's overview as the reference, a part looks as it does in the whole.

    start_s, end_s: seconds; the frames whose middle lies between them
    """
    rate, hop_length = waveform.sample_rate, settings.hop_length
    n_frames = frames.count(
        len(waveform.samples), frame_length=settings.n_fft, hop_length=hop_length
    )
    first = min(max(math.ceil(start_s * rate / hop_length - _ROUNDING), 0), n_frames)
    end = math.inf if end_s is None else math.floor(end_s * rate / hop_length + _ROUNDING) + 1
    last = int(max(min(end, n_frames), first))
    filters = mel_filters(settings, rate) if view == "mel" else None
    row_axis = frequency_axis(settings.n_fft, rate) if filters is None else mel_axis(settings, rate)
    row_size = _group_size(row_axis.n, max_bins)
    rows = _pooled_axis(row_axis, row_size, 0, row_axis.n)
    size = _group_size(last - first, max_frames)
    n_columns = math.ceil((last - first) / size)
    array = np.zeros((n_columns, rows.n), np.float32)
    for start, block in frames.power_blocks(waveform.samples, settings, first=first, last=last):
        spectra = block.T if filters is None else (filters @ block).T
        columns = (start - first + np.arange(len(spectra))) // size
        changes = np.flatnonzero(np.diff(columns, prepend=-1))
        small = _pool(np.maximum.reduceat(spectra, changes, axis=0), row_size)
        # The last column of a block may go on in the next.
        begun = columns[changes]
        array[begun] = np.maximum(array[begun], small)
    time = time_axis(n_frames, hop_length=hop_length, sample_rate=rate)
    return Feature(
        view,
        np.ascontiguousarray(array.T),
        (rows, _pooled_axis(time, size, first, last)),
        "Power",
        "",
        f"{rows.n:,} rows × {n_columns:,} columns, each the maximum of {row_size} bins × {size} "
        "frames.",
    )


def _group_size(n: int, most: int) -> int:
    return max(math.ceil(n / most), 1)


def _pool(array: Numbers, size: int) -> Numbers:
    """The maxima of groups along the last axis; never the array itself."""
    if size == 1 or not array.shape[-1]:
        return array.copy()
    # `fmax`, not `maximum`: it passes over what is blank.
    pool: Numbers = np.fmax.reduceat(array, np.arange(0, array.shape[-1], size), axis=-1)
    return pool


def _pooled_axis(axis: Axis, size: int, start: int, end: int) -> Axis:
    """The middles of groups of `size` values among those from `start` to `end`."""
    n = math.ceil((end - start) / size)
    if axis.listed is not None:
        listed = axis.listed[start:end]
        return replace(
            axis,
            n=n,
            listed=np.array([listed[i : i + size].mean() for i in range(0, len(listed), size)]),
        )
    first = axis.first + axis.step * (start + (size - 1) / 2)
    return replace(axis, n=n, step=axis.step * size, first=first)
