"""Feature arrays with their axes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Axis:
    """One dimension of an array.

    label, unit: such as "Time" and "s"; the unit may be empty
    first, step: first value and spacing
    listed: float64, shape (n,): the values if they are not evenly spaced
    """

    label: str
    unit: str
    n: int
    step: float = 1.0
    first: float = 0.0
    listed: NDArray[np.float64] | None = None

    def values(self, start: int = 0, end: int | None = None) -> NDArray[np.float64]:
        """Return the values from index `start` to `end`, float64.

        They are computed on demand: those of a waveform need twice the memory of its samples.
        """
        if self.listed is not None:
            return self.listed[start:end]
        values = np.arange(start, self.n if end is None else end, dtype=np.float64)
        values *= self.step
        values += self.first
        return values

    @property
    def title(self) -> str:
        """The label with its unit, such as "Time (s)"."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True, eq=False)
class Feature:
    """The array of a view with its axes.

    view: key of the view
    array: float32, shape (n,), or (rows, columns) with columns over time (or frequency)
    axes: one per dimension of the array
    quantity, unit: of the values, such as "Power" and "dB"
    shape_description: sentence that explains the number of rows and columns
    notes: sentences for the person
    """

    view: str
    array: FloatArray
    axes: tuple[Axis, ...]
    quantity: str
    unit: str
    shape_description: str
    notes: tuple[str, ...] = ()

    @property
    def quantity_title(self) -> str:
        """The quantity with its unit, such as "Power (dB)"."""
        return f"{self.quantity} ({self.unit})" if self.unit else self.quantity


def time_axis(n: int, *, hop_length: int, sample_rate: int) -> Axis:
    """Return the time axis of `n` frames, in seconds."""
    return Axis("Time", "s", n, step=hop_length / sample_rate)


def frequency_axis(n_fft: int, sample_rate: int) -> Axis:
    """Return the frequency axis of the 1 + n_fft // 2 bins of a Fourier transform, in Hz."""
    return Axis("Frequency", "Hz", 1 + n_fft // 2, step=sample_rate / n_fft)


def frame_feature(
    view: str,
    array: FloatArray,
    quantity: str,
    unit: str = "",
    *,
    sample_rate: int,
    hop_length: int,
    rows: Axis | None = None,
    rows_description: str = "",
) -> Feature:
    """Return a feature with one value per frame, or one column if it has rows.

    view, array, quantity, unit: as in `Feature`
    hop_length: samples between frames
    rows, rows_description: axis of the rows, and what they are, such as "mel bins"
    """
    n = array.shape[-1]
    time = time_axis(n, hop_length=hop_length, sample_rate=sample_rate)
    shape = f"{rows.n:,} {rows_description} ×" if rows else "One value for each of"
    description = (
        f"{shape} {n:,} frames, one every {1000 * time.step:.4g} ms "
        f"({hop_length:,} samples at {sample_rate:,} Hz)."
    )
    return Feature(view, array, (rows, time) if rows else (time,), quantity, unit, description)
