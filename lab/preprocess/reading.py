"""The first steps, done while a recording is read: its channels and its sample rate."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lab.audio import Samples, Waveform
from lab.audio.decoding import Block
from lab.audio.levels import clipped_samples
from lab.audio.waveform import gather
from lab.core.errors import AudioError
from lab.core.progress import Progress, ignore
from lab.preprocess.recipe import Channel, Resample
from lab.preprocess.source import AudioFile, OpenSource, Sound, opened

# Shorter than any word, and than the windows that the filters and the meters need.
MIN_DURATION_S = 0.1
# Telephones send nothing above 3.4 kHz; the sounds s, f and sh lie higher.
TELEPHONE_RATE = 8_000  # Hz
# The mix holds half the power of two equal voices that have nothing to do with each other, and a
# quarter of that of a single one. Less than 0.4 of the quarter means that the channels cancel each
# other: for two equal ones, a correlation below -0.8.
_CANCELLED = 0.4


@dataclass(frozen=True, eq=False)
class Signal:
    """A recording as the later steps take it.

    samples: float32, shape (n,), or (channels, n) where several are kept
    sample_rate: Hz
    bits: of the file it comes from, per sample, None where that keeps no fixed number
    warnings: a sentence each for the person
    """

    samples: Samples
    sample_rate: int
    bits: int | None
    warnings: tuple[str, ...] = ()


def read_signal(
    audio: AudioFile | Sound,
    *,
    channel: Channel | None = None,
    resample: Resample | None = None,
    on_progress: Progress = ignore,
) -> Signal:
    """Read a recording, choosing the channel and changing the rate on the way.

    Where the channels have opposite phase, so that a mix would cancel the voices, the louder one
    is taken instead. Without `resample` the rate is that of the recording's beginning.
    Raises AudioError if there is nothing to read, or less than 0.1 s.
    """
    reading = _read(audio, channel, resample, on_progress)
    warnings = []
    if channel is not None and channel.number is None and reading.tally.cancels:
        louder = reading.tally.loudest + 1
        reading = _read(audio, Channel(louder), resample, on_progress)
        warnings.append(
            "The channels have opposite phase: mixed, they would cancel each other. Channel "
            f"{louder}, the louder one, is taken instead. Check how the microphone was connected."
        )
    warnings += reading.warnings(resample)
    return Signal(reading.samples, reading.sample_rate, reading.bits, tuple(warnings))


@dataclass
class _Tally:
    """What the channels have to do with each other, counted block by block."""

    n: int = 0
    n_clipped: int = 0
    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    products: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))

    def add(self, channels: Samples) -> None:
        if len(channels) != len(self.sums):  # a broadcast may change from mono to stereo
            self.n = 0
            self.sums = np.zeros(len(channels))
            self.products = np.zeros((len(channels), len(channels)))
        self.n += channels.shape[1]
        self.n_clipped += clipped_samples(channels)
        self.sums += channels.sum(axis=1, dtype=np.float64)
        self.products += channels @ channels.T

    @property
    def _covariance(self) -> NDArray[np.float64]:
        means = self.sums / self.n
        return self.products / self.n - np.outer(means, means)

    @property
    def loudest(self) -> int:
        return int(np.argmax(np.diag(self._covariance)))

    @property
    def cancels(self) -> bool:
        """Whether a mix of all channels loses what is on them."""
        covariance = self._covariance
        n_channels = len(covariance)
        mixed = covariance.sum() / n_channels**2
        alone = covariance.diagonal().max() / n_channels**2
        return bool(n_channels > 1 and mixed < _CANCELLED * alone)


@dataclass(frozen=True, eq=False)
class _Reading:
    samples: Samples
    sample_rate: int
    source_rate: int
    bits: int | None
    missing_s: float
    tally: _Tally

    def warnings(self, resample: Resample | None) -> Iterator[str]:
        one = np.atleast_2d(self.samples)[0]
        if missing := Waveform(one, self.sample_rate, self.missing_s).warning:
            yield missing
        if not self.samples.any():
            yield "The recording holds nothing but silence. Check the microphone and its switch."
        if self.tally.n_clipped:
            yield (
                f"{self.tally.n_clipped} samples are cut off at full scale: the recording was too "
                "loud and may sound distorted. No step can repair it; record with less gain."
            )
        if resample is not None and resample.sample_rate > self.source_rate:
            telephone = " (telephone)" if self.source_rate <= TELEPHONE_RATE else ""
            yield (
                f"The recording has {self.source_rate} samples a second{telephone}. It is brought "
                f"to {resample.sample_rate}, but what lies above {self.source_rate // 2} Hz was "
                "never recorded and stays absent."
            )


def _read(
    audio: AudioFile | Sound,
    channel: Channel | None,
    resample: Resample | None,
    on_progress: Progress,
) -> _Reading:
    tally = _Tally()
    rates: list[int] = []

    def counted(source: OpenSource) -> Iterator[Block]:
        for block in source.blocks(on_progress):
            rates.append(block.rate)
            tally.add(block.channels)
            yield Block(_chosen(block.channels, channel, source.label), block.rate)

    with opened(audio) as source:
        chunks = _at_one_rate(counted(source), resample.sample_rate if resample else None)
        first = next(chunks)
        n_channels = len(first)

        def interleaved() -> Iterator[Samples]:
            yield first.T.ravel()
            for chunk in chunks:
                if len(chunk) != n_channels:
                    raise AudioError(
                        f"{source.label} changes from {n_channels} to {len(chunk)} channels on "
                        "its way. Switch the step “channel” on, which makes one of them."
                    )
                yield chunk.T.ravel()

        samples = gather(interleaved()).reshape(-1, n_channels).T
        sample_rate = resample.sample_rate if resample else rates[0]
        duration_s = samples.shape[1] / sample_rate
        if duration_s < MIN_DURATION_S:
            raise AudioError(
                f"{source.label} lasts {duration_s:.4f} seconds, too short for a word; expected "
                f"are {MIN_DURATION_S:g} seconds or more. Leave it out or record it again."
            )
        if n_channels == 1:
            samples = samples[0]
        missing_s = source.missing_s(duration_s)
        return _Reading(samples, sample_rate, rates[0], source.bits, missing_s, tally)


def _chosen(channels: Samples, step: Channel | None, label: str) -> Samples:
    """The channels that `step` leaves: float32, shape (1 or all, n)."""
    if step is None:
        return channels
    if step.number is None:
        mixed: Samples = channels.mean(axis=0, keepdims=True)
        return mixed
    if step.number > len(channels):
        raise AudioError(
            f"{label} has no channel {step.number}: it has {len(channels)}. Choose one of those, "
            "or the mix of all."
        )
    return channels[step.number - 1 : step.number]


def _at_one_rate(blocks: Iterator[Block], sample_rate: int | None) -> Iterator[Samples]:
    """The blocks' channels at `sample_rate`, or at the rate of the first block.

    By soxr's VHQ, whose aliases and images lie more than 90 dB down, whatever the rates.
    """
    import soxr  # type: ignore[import-untyped]

    stream: soxr.ResampleStream | None = None
    rate = n_channels = 0
    for block in blocks:
        if (block.rate, len(block.channels)) != (rate, n_channels):
            if stream is not None:
                yield stream.resample_chunk(np.empty((0, n_channels), np.float32), last=True).T
            rate, n_channels = block.rate, len(block.channels)
            sample_rate = sample_rate or rate
            stream = None
            if rate != sample_rate:
                stream = soxr.ResampleStream(rate, sample_rate, n_channels, quality="VHQ")
        if stream is None:
            yield block.channels
        else:
            yield stream.resample_chunk(np.ascontiguousarray(block.channels.T)).T
    if stream is not None:
        yield stream.resample_chunk(np.empty((0, n_channels), np.float32), last=True).T
