"""Reduce features to screen resolution: an hour has a hundred samples per pixel or more.

Waveforms are reduced to minima and maxima, spectrograms to maxima, so no peak gets lost.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lab.audio import Waveform
from lab.features import frames
from lab.features.feature import Axis, Feature, FloatArray, frequency_axis, time_axis
from lab.features.settings import FeatureSettings
from lab.features.spectra import mel_axis, mel_filters

# In frames: 0.45 s is frame 120.00000000000001 with a hop of 60 at 16 kHz.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Envelope:
    """Minimum and maximum of a waveform over time.

    times: centres of the intervals in seconds, float64, shape (n,)
    lowest, highest: of the samples in each interval, float32, shape (n,)
    """

    times: NDArray[np.float64]
    lowest: FloatArray
    highest: FloatArray


def waveform_envelope(
    waveform: Waveform, *, width: int, start_s: float = 0.0, end_s: float | None = None
) -> Envelope:
    """Compute the envelope from `start_s` to `end_s` (clamped) in at most `width` intervals.

    With fewer samples than that, each is an interval of its own.
    """
    part = waveform.slice(start_s, waveform.duration_s if end_s is None else end_s).samples
    first = min(max(round(start_s * waveform.sample_rate), 0), len(waveform.samples))
    size = _group_size(len(part), width)
    starts = np.arange(0, len(part), size)
    centres = first + starts + (size - 1) / 2
    return Envelope(
        centres / waveform.sample_rate,
        np.minimum.reduceat(part, starts) if len(part) else part,
        np.maximum.reduceat(part, starts) if len(part) else part,
    )


def max_pool(
    feature: Feature,
    *,
    max_columns: int,
    max_rows: int | None = None,
    start: float = -math.inf,
    end: float = math.inf,
) -> Feature:
    """Reduce a feature to the maximum of each rectangle, ignoring NaN where possible.

    max_columns, max_rows: maximum size of the result; all rectangles have the same size except the
        last ones
    start, end: range of the last axis to keep, in its unit (usually seconds)
    """
    *row_axes, column_axis = feature.axes
    values, tolerance = column_axis.values(), _ROUNDING * column_axis.step
    kept = np.flatnonzero((values >= start - tolerance) & (values <= end + tolerance))
    first, last = (int(kept[0]), int(kept[-1]) + 1) if len(kept) else (0, 0)
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
    """Compute `max_pool` of a power spectrogram without ever holding the spectrogram in memory.

    Convert it to decibels afterwards (`lab.features.spectra.in_decibels`), with the maximum of the
    whole recording's overview as the reference if an excerpt should look as it does there.

    start_s, end_s: range of the frame centres, in seconds
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
        # The last column of a block may continue in the next block.
        updated = columns[changes]
        array[updated] = np.maximum(array[updated], small)
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


def _group_size(n: int, max_groups: int) -> int:
    return max(math.ceil(n / max_groups), 1)


def _pool(array: FloatArray, size: int) -> FloatArray:
    """Return the maxima of groups along the last axis, always as a copy."""
    if size == 1 or not array.shape[-1]:
        return array.copy()
    # `fmax`, not `maximum`: it ignores NaN.
    pool: FloatArray = np.fmax.reduceat(array, np.arange(0, array.shape[-1], size), axis=-1)
    return pool


def _pooled_axis(axis: Axis, size: int, start: int, end: int) -> Axis:
    """The axis of the centres of groups of `size` values from `start` to `end`."""
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
