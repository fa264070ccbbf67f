"""Decoding recordings of any format to a `Waveform`, with PyAV, whose wheel contains FFmpeg.

`lab.audio.container` guards against damaged and hostile files.
"""

import math
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple, NoReturn

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.plane import AudioPlane
from av.audio.stream import AudioStream

from lab.audio.container import OpenRecording, open_recording, packets
from lab.audio.waveform import SAMPLE_RATE, Samples, Waveform, concat_chunks, duration_in_words
from lab.core.errors import AudioError
from lab.core.progress import Progress, ignore

# Long enough for interviews and services, while an accidental upload of a whole day is refused:
# four hours take 4 × 3600 × 16,000 × 4 bytes = 0.92 GB of memory.
MAX_DURATION_S = 4 * 3600.0

# Less is due to rounding, codec padding, or a tag mistaken for a frame.
MISSING_TOLERANCE_S = 0.25
# Two ways of counting may differ by a sample or two.
_ROUNDING_S = 1e-3
# Far beyond what microphones and studios produce; other headers are damaged.
MIN_INPUT_RATE, MAX_INPUT_RATE = 1_000, 768_000  # Hz

# FFmpeg's sample format: dtype, offset to subtract, and the value of full scale after that.
_SAMPLE_FORMATS: dict[str, tuple[npt.DTypeLike, float, float]] = {
    "u8": (np.uint8, 128.0, 128.0),
    "s16": (np.int16, 0.0, 32768.0),
    "s32": (np.int32, 0.0, 2147483648.0),  # 24 bits are shifted up to 32
    "flt": (np.float32, 0.0, 1.0),
    "dbl": (np.float64, 0.0, 1.0),
}


@dataclass(frozen=True)
class AudioInfo:
    """Properties of a recording according to its headers.

    container, codec: FFmpeg's names, such as "wav", "mov" (also m4a and mp4), "pcm_s16le", "mp3"
    sample_rate: Hz
    duration_s: stored or estimated, None if unknown
    bits: bits per sample of PCM and FLAC; None for lossy codecs
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    duration_s: float | None
    bits: int | None


def decode(
    source: bytes | str | os.PathLike[str],
    *,
    name: str = "",
    sample_rate: int = SAMPLE_RATE,
    max_duration_s: float = MAX_DURATION_S,
    on_progress: Progress = ignore,
) -> Waveform:
    """Decode a recording to mono float32 samples.

    The channels are averaged: a speaker may be on any of them, and FFmpeg's own downmix would drop
    or weaken some. Of several audio tracks the default one is read. Unreadable parts are skipped
    and counted in `Waveform.missing_s`.

    Parameters
    ----------
    source
        Path of a file, or its content.
    name
        For messages, by default the file name of the path; one ending in .g722 selects raw G.722,
        which has no header.
    sample_rate
        Of the result, in Hz.
    max_duration_s
        Longer recordings are refused.
    on_progress
        Called about once per second of audio, with bytes of the file.

    Returns
    -------
    Waveform
        With samples of shape (n,), nominally in [-1, 1].

    Raises
    ------
    AudioError
        If nothing can be read, samples are invalid, or the recording is too long.

    Examples
    --------
    >>> waveform = decode("samples/english.ogg")
    >>> waveform.sample_rate, waveform.samples.dtype.name
    (16000, 'float32')
    """
    with open_recording(source, name) as recording:
        blocks = read_blocks(
            recording, mix=True, max_duration_s=max_duration_s, on_progress=on_progress
        )
        samples = concat_chunks(_resampled(blocks, sample_rate))
        return Waveform(samples, sample_rate, missing_s(recording, len(samples) / sample_rate))


def probe(source: bytes | str | os.PathLike[str], *, name: str = "") -> AudioInfo:
    """Read the headers of a recording without decoding it.

    source, name: as for `decode`
    Raises AudioError if it is not a recording.
    """
    with open_recording(source, name) as recording:
        container, stream = recording.container, recording.stream
        duration_s = recording.stated_s
        if duration_s is None and container.duration is not None:
            duration_s = container.duration / av.time_base
        return AudioInfo(
            container=container.format.name.split(",")[0],
            codec=stream.codec_context.name,
            sample_rate=stream.sample_rate,
            channels=stream.channels,
            duration_s=duration_s,
            bits=bits_per_sample(stream),
        )


class AudioBlock(NamedTuple):
    """About a second of audio.

    channels: float32, shape (n_channels, n)
    rate: Hz; may change within a file, like the number of channels
    """

    channels: Samples
    rate: int


def bits_per_sample(stream: AudioStream) -> int | None:
    """Bits per sample of PCM and FLAC; None for lossy codecs."""
    context = stream.codec_context
    if match := re.fullmatch(r"pcm_[suf](\d+)(?:le|be)?(?:_planar)?", context.name):
        return int(match[1])
    if context.name == "flac" and context.extradata and len(context.extradata) > 13:
        # STREAMINFO has the bit depth minus one in five bits across the bytes 12 and 13.
        return ((context.extradata[12] & 1) << 4 | context.extradata[13] >> 4) + 1
    return None


def read_blocks(
    recording: OpenRecording,
    *,
    mix: bool,
    max_duration_s: float = MAX_DURATION_S,
    on_progress: Progress = ignore,
) -> Iterator[AudioBlock]:
    """Yield the audio in blocks of about a second, since frames can be tiny.

    mix: average all channels to one
    max_duration_s, on_progress: as for `decode`
    Raises AudioError as `decode` does.
    """
    if recording.stated_s is not None and recording.stated_s > max_duration_s:
        _refuse_length(recording.label, max_duration_s)
    pending: list[Samples] = []
    n_pending = rate = n_channels = 0
    read_s = 0.0
    for frame in _frames(recording):
        channels = _channels(frame, recording.label, mix=mix)
        changed = frame.sample_rate != rate or len(channels) != n_channels
        if pending and (n_pending >= rate or changed):
            yield AudioBlock(np.concatenate(pending, axis=1), rate)
            done = min(recording.file.tell(), recording.n_bytes)
            on_progress(done, recording.n_bytes, "Reading the recording")
            pending, n_pending = [], 0
        rate, n_channels = frame.sample_rate, len(channels)
        if not MIN_INPUT_RATE <= rate <= MAX_INPUT_RATE:
            raise AudioError(
                f"{recording.label} has a sample rate of {rate} Hz, outside {MIN_INPUT_RATE} to "
                f"{MAX_INPUT_RATE} Hz: its header is damaged. Export it again."
            )
        if not np.isfinite(channels).all():
            if recording.stream.codec_context.name.startswith("pcm_"):
                raise AudioError(
                    f"{recording.label} contains invalid samples (NaN or infinite): it was "
                    "not saved correctly. Export it again from the original program."
                )
            recording.damaged_s += frame.samples / rate  # the decoder returns this for damaged data
            continue
        pending.append(channels)
        n_pending += frame.samples
        read_s += frame.samples / rate
        if read_s > max_duration_s + _ROUNDING_S:
            _refuse_length(recording.label, max_duration_s)
    if pending:
        yield AudioBlock(np.concatenate(pending, axis=1), rate)
    if not read_s:
        raise AudioError(
            f"{recording.label} has no readable audio: it has only a header, or the rest is "
            "damaged or copy-protected. Record or export it again."
        )
    on_progress(recording.n_bytes, recording.n_bytes, "Reading the recording")


def missing_s(recording: OpenRecording, read_s: float) -> float:
    """Stated duration beyond the `read_s` seconds that were read; 0 if negligible."""
    missing = recording.damaged_s
    if recording.stated_s is not None:
        missing = max(missing, recording.stated_s - read_s)
    return missing if missing >= MISSING_TOLERANCE_S else 0.0


def _frames(recording: OpenRecording) -> Iterator[AudioFrame]:
    for packet in packets(recording):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            recording.damaged_s += float((packet.duration or 0) * (packet.time_base or 0))
            continue
        yield from (frame for frame in frames if frame.samples)


def _channels(frame: AudioFrame, label: str, *, mix: bool) -> Samples:
    """The channels of a frame, or their average: float32, shape (n_channels or 1, n)."""
    packing = frame.format.name.removesuffix("p")
    if packing not in _SAMPLE_FORMATS:
        raise AudioError(
            f"The sample format of {label} ({packing}) is not supported. Export it again as WAV "
            "with 16 or 24 bits."
        )
    dtype, offset, full_scale = _SAMPLE_FORMATS[packing]
    n_channels = frame.layout.nb_channels
    # Not `frame.to_ndarray()`: with eight or more planar channels, PyAV 18 assumes further planes
    # and reads memory outside the frame.
    n_planes, n_values = (
        (n_channels, frame.samples) if frame.format.is_planar else (1, n_channels * frame.samples)
    )
    planes = [
        np.frombuffer(bytes(AudioPlane(frame, i)), dtype, count=n_values) for i in range(n_planes)
    ]
    channels = np.stack(planes) if frame.format.is_planar else planes[0].reshape(-1, n_channels).T
    with np.errstate(invalid="ignore", over="ignore"):  # invalid samples are detected later
        if mix:
            channels = channels.mean(axis=0, dtype=np.float64, keepdims=True)
        return ((channels - offset) / full_scale).astype(np.float32)


def _resampled(blocks: Iterable[AudioBlock], sample_rate: int) -> Iterator[Samples]:
    """Resample mono blocks: ⌈n · sample_rate / rate⌉ samples for each run of one rate."""
    for rate, run in groupby(blocks, key=lambda block: block.rate):
        if rate == sample_rate:
            yield from (block.channels[0] for block in run)
            continue
        resampler = av.AudioResampler(format="flt", layout="mono", rate=sample_rate)
        n_in = n_out = 0
        for block in run:
            n_in += block.channels.shape[1]
            for samples in _push(resampler, block.channels[0], rate):
                n_out += len(samples)
                yield samples
        # Silence pushes out what remains in the filter. Flushing returns a sample too few or too
        # many, and nothing at all for a very short recording.
        n_due = math.ceil(n_in * sample_rate / rate) - n_out
        for samples in _push(resampler, np.zeros(rate // 10, np.float32), rate):
            yield samples[:n_due]
            n_due -= len(samples[:n_due])


def _push(resampler: av.AudioResampler, mono: Samples, rate: int) -> list[Samples]:
    frame = AudioFrame.from_ndarray(mono[np.newaxis], format="flt", layout="mono")
    frame.sample_rate = rate
    frames: list[Any] = [resampled.to_ndarray() for resampled in resampler.resample(frame)]
    return [samples[0] for samples in frames]


def _refuse_length(label: str, max_duration_s: float) -> NoReturn:
    raise AudioError(
        f"{label} is longer than {duration_in_words(max_duration_s)}, the limit. Cut it into "
        "shorter recordings."
    )
