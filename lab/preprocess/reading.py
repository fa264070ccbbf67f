"""Read a recording, downmixing and resampling it block by block."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from lab.audio import Samples, Waveform
from lab.audio.decoding import AudioBlock
from lab.audio.levels import clipped_samples
from lab.audio.waveform import concat_chunks
from lab.core.errors import AudioError
from lab.core.progress import Progress, ignore
from lab.preprocess.recipe import Channel, Resample
from lab.preprocess.source import AudioArray, AudioFile, OpenSource, open_source

# Shorter than any word, and than the windows of filters and loudness meters.
MIN_DURATION_S = 0.1
# Telephones transmit up to 3.4 kHz; the sounds s, f and sh are higher.
TELEPHONE_RATE = 8_000  # Hz
# The mix of two equally loud, uncorrelated channels has half the power of each; if one is silent, a
# quarter of the other. Below 0.4 of that quarter, the channels cancel each other: for equally loud
# ones, a correlation below -0.8.
_CANCELLED = 0.4


@dataclass(frozen=True, eq=False)
class Signal:
    """A recording as input of the other steps.

    samples: float32, shape (n,), or (channels, n) if several channels are kept
    sample_rate: Hz
    bits: bit depth of the source; None if its codec has none
    warnings: sentences for the person
    """

    samples: Samples
    sample_rate: int
    bits: int | None
    warnings: tuple[str, ...] = ()


def read_signal(
    audio: AudioFile | AudioArray,
    *,
    channel: Channel | None = None,
    resample: Resample | None = None,
    on_progress: Progress = ignore,
) -> Signal:
    """Read a recording with the steps `channel` and `resample` applied.

    If channels have opposite phase, so that a mix would cancel the voices, the loudest one is used
    instead. Without `resample`, the sample rate is that of the first block.

    Raises AudioError if the recording cannot be read or is shorter than 0.1 s.
    """
    signal, statistics = _read(audio, channel, resample, on_progress)
    if channel is not None and channel.number is None and statistics.cancels:
        loudest = statistics.loudest + 1
        signal, _ = _read(audio, Channel(loudest), resample, on_progress)
        warning = (
            "The channels have opposite phase: mixed, they would cancel each other. Channel "
            f"{loudest}, the loudest one, is used instead. Check how the microphone was connected."
        )
        signal = replace(signal, warnings=(warning, *signal.warnings))
    return signal


@dataclass
class _ChannelStatistics:
    """Power and covariance of the channels, accumulated block by block."""

    n: int = 0
    n_clipped: int = 0
    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    products: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))

    def update(self, channels: Samples) -> None:
        if len(channels) != len(self.sums):  # a broadcast may switch from mono to stereo
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
        """Whether the channels cancel each other in a mix."""
        covariance = self._covariance
        n_channels = len(covariance)
        mixed = covariance.sum() / n_channels**2
        alone = covariance.diagonal().max() / n_channels**2
        return bool(n_channels > 1 and mixed < _CANCELLED * alone)


def _read(
    audio: AudioFile | AudioArray,
    channel: Channel | None,
    resample: Resample | None,
    on_progress: Progress,
) -> tuple[Signal, _ChannelStatistics]:
    statistics = _ChannelStatistics()
    rates: list[int] = []

    def selected_blocks(source: OpenSource) -> Iterator[AudioBlock]:
        for block in source.blocks(on_progress):
            rates.append(block.rate)
            statistics.update(block.channels)
            yield AudioBlock(_select_channel(block.channels, channel, source.label), block.rate)

    with open_source(audio) as source:
        chunks = _resampled(selected_blocks(source), resample.sample_rate if resample else None)
        first = next(chunks)
        n_channels = len(first)

        def interleaved() -> Iterator[Samples]:
            yield first.T.ravel()
            for chunk in chunks:
                if len(chunk) != n_channels:
                    raise AudioError(
                        f"{source.label} changes from {n_channels} to {len(chunk)} channels. "
                        "Switch on the step “channel” (Mono)."
                    )
                yield chunk.T.ravel()

        samples = concat_chunks(interleaved()).reshape(-1, n_channels).T
        sample_rate = resample.sample_rate if resample else rates[0]
        duration_s = samples.shape[1] / sample_rate
        if duration_s < MIN_DURATION_S:
            raise AudioError(
                f"{source.label} lasts {duration_s:.4f} seconds, but must last {MIN_DURATION_S:g} "
                "seconds or more. Leave it out or record it again."
            )
        missing = Waveform(samples[0], sample_rate, source.missing_s(duration_s)).warning
        warnings = [missing] if missing else []
        warnings += _warnings(samples, sample_rate, rates[0], statistics.n_clipped)
        if n_channels == 1:
            samples = samples[0]
        return Signal(samples, sample_rate, source.bits, tuple(warnings)), statistics


def _warnings(
    samples: Samples, sample_rate: int, source_rate: int, n_clipped: int
) -> Iterator[str]:
    if not samples.any():
        yield "The recording is silent. Check the microphone and its switch."
    if n_clipped:
        yield (
            f"{n_clipped} samples are clipped: the recording was too loud and may sound distorted. "
            "No step can repair that; record with less gain."
        )
    if sample_rate > source_rate:
        telephone = " (telephone)" if source_rate <= TELEPHONE_RATE else ""
        yield (
            f"The recording has a sample rate of {source_rate} Hz{telephone}. It was resampled to "
            f"{sample_rate} Hz, but frequencies above {source_rate // 2} Hz were never recorded "
            "and remain absent."
        )


def _select_channel(channels: Samples, step: Channel | None, label: str) -> Samples:
    """The channels that `step` keeps: float32, shape (1 or all, n)."""
    if step is None:
        return channels
    if step.number is None:
        mixed: Samples = channels.mean(axis=0, keepdims=True)
        return mixed
    if step.number > len(channels):
        raise AudioError(
            f"{label} has no channel {step.number}, only {len(channels)}. Choose one of those or "
            "the mix of all."
        )
    return channels[step.number - 1 : step.number]


def _resampled(blocks: Iterator[AudioBlock], sample_rate: int | None) -> Iterator[Samples]:
    """The channels of the blocks at `sample_rate`, by default that of the first block.

    Aliases and images of soxr's VHQ are more than 90 dB down at any pair of rates.
    """
    import soxr  # type: ignore[import-untyped]

    for (rate, n_channels), run in groupby(blocks, lambda one: (one.rate, len(one.channels))):
        sample_rate = sample_rate or rate
        if rate == sample_rate:
            yield from (block.channels for block in run)
            continue
        stream = soxr.ResampleStream(rate, sample_rate, n_channels, quality="VHQ")
        for block in run:
            yield stream.resample_chunk(np.ascontiguousarray(block.channels.T)).T
        yield stream.resample_chunk(np.empty((0, n_channels), np.float32), last=True).T
