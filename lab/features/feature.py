"""An array with its axes: what every view gives, and every way to save it takes."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Axis:
    """What one dimension of an array means.

    label: such as "Time"; unit: such as "s", empty where there is none
    step, first: the first value, and how far it is to each next one
    listed: float64, shape (n,), the values where they are not evenly spaced
    """

    label: str
    unit: str
    n: int
    step: float = 1.0
    first: float = 0.0
    listed: NDArray[np.float64] | None = None

    def values(self, start: int = 0, end: int | None = None) -> NDArray[np.float64]:
        """The values of the entries from `start` to `end`, float64.

        They are not kept: those of a waveform would need twice the memory of its samples.
        """
        if self.listed is not None:
            return self.listed[start:end]
        numbers = np.arange(start, self.n if end is None else end, dtype=np.float64)
        numbers *= self.step
        numbers += self.first
        return numbers

    @property
    def title(self) -> str:
        """The label with its unit, such as "Time (s)"."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True, eq=False)
class Feature:
    """What a view shows.

    view: the key of the view
    array: float32, shape (n,), or (rows, columns) with time (or frequency) along the columns
    axes: one for each dimension of the array, in its order
    quantity: what the numbers are, such as "Power" with the unit "dB"
    shape_in_words: a sentence on how many rows and columns there are, and why
    notes: a sentence each for the person
    """

    view: str
    array: Numbers
    axes: tuple[Axis, ...]
    quantity: str
    unit: str
    shape_in_words: str
    notes: tuple[str, ...] = ()

    @property
    def quantity_title(self) -> str:
        """The quantity with its unit, such as "Power (dB)"."""
        return f"{self.quantity} ({self.unit})" if self.unit else self.quantity

    def with_notes(self, notes: Iterable[str]) -> "Feature":
        """The same with further notes."""
        return replace(self, notes=(*self.notes, *notes))


def time_axis(n: int, *, hop_length: int, sample_rate: int, first: int = 0) -> Axis:
    """The times of `n` frames in seconds, from the frame number `first` on."""
    step = hop_length / sample_rate
    return Axis("Time", "s", n, step=step, first=first * step)


def frequency_axis(n_fft: int, sample_rate: int) -> Axis:
    """The frequencies of the 1 + n_fft // 2 bins of a Fourier transform, in Hz."""
    return Axis("Frequency", "Hz", 1 + n_fft // 2, step=sample_rate / n_fft)


def frames_in_words(n: int, *, hop_length: int, sample_rate: int) -> str:
    """Such as "1,501 frames, one every 20 ms (320 samples)"."""
    return (
        f"{n:,} frames, one every {1000 * hop_length / sample_rate:.4g} ms "
        f"({hop_length:,} samples at {sample_rate:,} a second)"
    )
