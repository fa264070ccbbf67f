"""Any recording becomes one kind of thing, a `Waveform`, and goes back to a WAV file.

Decoding is PyAV's (its wheel carries FFmpeg), so no program has to be installed beside Python.
How a damaged or hostile file is kept out is in `lab.audio.container`.
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
from lab.audio.waveform import SAMPLE_RATE, Samples, Waveform, duration_in_words, gather
from lab.core.errors import AudioError
from lab.core.progress import Progress, ignore

# The longest interviews and services fit in, and a mistaken upload of a whole day does not:
# four hours are 4 × 3600 × 16,000 × 4 bytes = 0.92 GB of memory.
MAX_DURATION_S = 4 * 3600.0

# Less than this is rounding, codec padding, or a tag that was mistaken for a frame.
MISSING_TOLERANCE_S = 0.25
# A sample or two that two ways of counting may differ by.
_ROUNDING_S = 1e-3
# What microphones and studios produce lies well inside; a header that says otherwise is damaged.
MIN_INPUT_RATE, MAX_INPUT_RATE = 1_000, 768_000  # Hz

# FFmpeg's sample formats: how they are stored, what is subtracted, what ±1 stands for then.
_SAMPLE_FORMATS: dict[str, tuple[npt.DTypeLike, float, float]] = {
    "u8": (np.uint8, 128.0, 128.0),
    "s16": (np.int16, 0.0, 32768.0),
    "s32": (np.int32, 0.0, 2147483648.0),  # 24 bit arrives shifted up to 32
    "flt": (np.float32, 0.0, 1.0),
    "dbl": (np.float64, 0.0, 1.0),
}


@dataclass(frozen=True)
class AudioInfo:
    """What the headers of a recording say.

    container, codec: FFmpeg's names, such as "wav", "mov" (also m4a and mp4), "pcm_s16le", "mp3".
    sample_rate: Hz.
    duration_s: seconds as stated or estimated, None if nothing tells.
    bits: per sample, for PCM and FLAC; None for kinds that keep no fixed number.
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
    """Read a recording as mono float32 at one rate.

    All channels count the same in the mono mix: a speaker may be on any of them, and FFmpeg's
    own downmix would drop or weaken some. Of several audio tracks the default one is read.
    Parts that cannot be read are left out and counted in `Waveform.missing_s`.

    source: the bytes of a file, or its path.
    name: for messages, and for raw G.722, which only a name ending in .g722 gives away;
        of a path it is the last part unless given.
    sample_rate: of the result, Hz.
    max_duration_s: a longer recording is refused, at the latest when it has been read so far.
    on_progress: called about once for each second of sound, in bytes of the file.

    Raises AudioError if nothing can be read, samples are invalid, or the limit is passed.
    """
    with open_recording(source, name) as recording:
        blocks = read_blocks(
            recording, mix=True, max_duration_s=max_duration_s, on_progress=on_progress
        )
        samples = gather(_resampled(blocks, sample_rate))
        return Waveform(samples, sample_rate, missing_s(recording, len(samples) / sample_rate))


def probe(source: bytes | str | os.PathLike[str], *, name: str = "") -> AudioInfo:
    """Read what the headers say of a recording, and none of its sound.

    source, name: as for `decode`. Raises AudioError if it is not a recording.
    """
    with open_recording(source, name) as recording:
        container, stream = recording.container, recording.stream
        duration_s = recording.promised_s
        if duration_s is None and container.duration is not None:
            duration_s = container.duration / av.time_base
        return AudioInfo(
            container=container.format.name.split(",")[0],
            codec=stream.codec_context.name,
            sample_rate=stream.sample_rate,
            channels=stream.channels,
            duration_s=duration_s,
            bits=bits_of(stream),
        )


class Block(NamedTuple):
    """About a second of sound.

    channels: float32, shape (channels, n)
    rate: Hz; as the channels, it may change within a file
    """

    channels: Samples
    rate: int


def bits_of(stream: AudioStream) -> int | None:
    """Bits per sample, for PCM and FLAC; None for kinds that keep no fixed number."""
    context = stream.codec_context
    if match := re.fullmatch(r"pcm_[suf](\d+)(?:le|be)?(?:_planar)?", context.name):
        return int(match[1])
    if context.name == "flac" and context.extradata and len(context.extradata) > 13:
        # STREAMINFO: five bits across the bytes 12 and 13 hold the depth, less one.
        return ((context.extradata[12] & 1) << 4 | context.extradata[13] >> 4) + 1
    return None


def read_blocks(
    recording: OpenRecording,
    *,
    mix: bool,
    max_duration_s: float = MAX_DURATION_S,
    on_progress: Progress = ignore,
) -> Iterator[Block]:
    """The sound in blocks of about a second, since frames can be tiny and each step costs.

    mix: give the average of all channels as the only one
    max_duration_s, on_progress: as for `decode`; raises AudioError as `decode` does.
    """
    if recording.promised_s is not None and recording.promised_s > max_duration_s:
        _refuse_length(recording.label, max_duration_s)
    pending: list[Samples] = []
    n_pending = rate = n_channels = 0
    read_s = 0.0
    for frame in _frames(recording):
        channels = _channels(frame, recording.label, mix=mix)
        changed = frame.sample_rate != rate or len(channels) != n_channels
        if pending and (n_pending >= rate or changed):
            yield Block(np.concatenate(pending, axis=1), rate)
            done = min(recording.file.tell(), recording.n_bytes)
            on_progress(done, recording.n_bytes, "Reading the recording")
            pending, n_pending = [], 0
        rate, n_channels = frame.sample_rate, len(channels)
        if not MIN_INPUT_RATE <= rate <= MAX_INPUT_RATE:
            raise AudioError(
                f"{recording.label} claims {rate} samples a second, where {MIN_INPUT_RATE} to "
                f"{MAX_INPUT_RATE} are possible: its header is damaged. Export it again."
            )
        if not np.isfinite(channels).all():
            if recording.stream.codec_context.name.startswith("pcm_"):
                raise AudioError(
                    f"{recording.label} contains invalid samples (NaN or infinite), so it was "
                    "not saved correctly. Export it again from the program that made it."
                )
            recording.lost_s += frame.samples / rate  # what a decoder makes of damaged bytes
            continue
        pending.append(channels)
        n_pending += frame.samples
        read_s += frame.samples / rate
        if read_s > max_duration_s + _ROUNDING_S:
            _refuse_length(recording.label, max_duration_s)
    if pending:
        yield Block(np.concatenate(pending, axis=1), rate)
    if not read_s:
        raise AudioError(
            f"{recording.label} holds no sound that can be read: there is only a header, or "
            "all that follows is damaged or protected against copying. Record or export it "
            "again."
        )
    on_progress(recording.n_bytes, recording.n_bytes, "Reading the recording")


def missing_s(recording: OpenRecording, read_s: float) -> float:
    """Seconds that a recording promises beyond the `read_s` that were read; 0 for trifles."""
    missing = recording.lost_s
    if recording.promised_s is not None:
        missing = max(missing, recording.promised_s - read_s)
    return missing if missing >= MISSING_TOLERANCE_S else 0.0


def _frames(recording: OpenRecording) -> Iterator[AudioFrame]:
    for packet in packets(recording):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            recording.lost_s += float((packet.duration or 0) * (packet.time_base or 0))
            continue
        yield from (frame for frame in frames if frame.samples)


def _channels(frame: AudioFrame, label: str, *, mix: bool) -> Samples:
    """All channels of a frame, or their average as the only one: float32, shape (channels, n)."""
    packing = frame.format.name.removesuffix("p")
    if packing not in _SAMPLE_FORMATS:
        raise AudioError(
            f"The samples in {label} are of a kind ({packing}) that is not read here. "
            "Export it again as WAV with 16 or 24 bits."
        )
    dtype, zero, full_scale = _SAMPLE_FORMATS[packing]
    n_channels = frame.layout.nb_channels
    # Not `frame.to_ndarray()`: where each of eight channels or more has its own plane, PyAV 18
    # believes in further ones and reads memory that is not the frame's.
    n_planes, n_values = (
        (n_channels, frame.samples) if frame.format.is_planar else (1, n_channels * frame.samples)
    )
    planes = [
        np.frombuffer(bytes(AudioPlane(frame, i)), dtype, count=n_values) for i in range(n_planes)
    ]
    channels = np.stack(planes) if frame.format.is_planar else planes[0].reshape(-1, n_channels).T
    with np.errstate(invalid="ignore", over="ignore"):  # invalid samples are found afterwards
        if mix:
            channels = channels.mean(axis=0, dtype=np.float64, keepdims=True)
        return ((channels - zero) / full_scale).astype(np.float32)


def _resampled(blocks: Iterable[Block], sample_rate: int) -> Iterator[Samples]:
    """Mono blocks at `sample_rate`: ⌈n · sample_rate / rate⌉ samples for each run at one rate."""
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
        # Silence pushes out what the filter still holds. Flushing would do so too, but gives a
        # sample less or more than is due, and nothing at all for a very short recording.
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
        f"{label} is longer than the {duration_in_words(max_duration_s)} that are allowed. "
        "Cut it into shorter recordings."
    )
