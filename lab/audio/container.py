"""Opening untrusted files as recordings: they may be damaged, hostile, or something else.

Only media containers are accepted, no nested file or URL is ever opened, and every failure raises
an `AudioError` that names the file. `lab.audio.decoding` decodes the audio in them.
"""

import codecs
import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, NoReturn

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition

from lab.core.errors import AudioError

# FFmpeg's names of the accepted containers. Playlists (hls, dash, concat, sdp …), which open other
# files or URLs, and everything else are refused.
_ALLOWED_CONTAINERS = (
    "wav,w64,aiff,caf,au,flac,mp3,aac,amr,g722,ogg,mov,mp4,m4a,matroska,webm,asf,avi,mpeg,mpegts"
)
# Containers that store the duration. For others FFmpeg estimates it from the bit rate.
_STORING_DURATION = ("flac", "ogg", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
# Programs that write to a pipe do not know the size and store one of several huge numbers.
_WAV_SIZE_UNKNOWN = 0x7FFF_0000
_MAX_WAV_CHUNKS = 1000  # a hostile file could have millions of empty ones

# In a WAV, FFmpeg searches the first 32 packets of 4 kB for surround sound (DTS, AC-3), each time
# from the start, which takes 10 ms per file. A frame of these has at most 16 kB.
_WAV_OPTIONS = {"max_probe_packets": "4"}

_EXPECTED = "Use a recording such as WAV, FLAC, MP3, M4A, OGG, Opus, WebM or MP4."
_OTHER_FILE_TYPES = (
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
)


@dataclass
class OpenRecording:
    """An open file with an audio track.

    label: name for messages, such as “interview.mp3” in quotation marks
    stated_s: duration stored in the file, None if there is only an estimate
    damaged_s: duration of damaged packets, which grows while decoding
    """

    label: str
    file: BinaryIO
    n_bytes: int
    container: InputContainer
    stream: AudioStream
    stated_s: float | None
    damaged_s: float = 0.0


@contextmanager
def open_recording(source: bytes | str | os.PathLike[str], name: str) -> Iterator[OpenRecording]:
    """Open a recording and select its audio track.

    source: content of a file, or its path; "http://…" or "concat:…" are treated as paths too
    name: for messages; one ending in .g722 selects raw G.722, which has no header

    Raises AudioError, saying what the file is instead, if it cannot be read as a recording.
    """
    if not isinstance(source, bytes) and not name:
        name = Path(source).name
    label = f"“{name}”" if name else "The recording"
    with _open_file(source, label) as file:
        n_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)
        if not n_bytes:
            raise AudioError(f"{label} is empty (0 bytes). Save or upload it again.")
        is_wav = file.read(4) == b"RIFF"
        file.seek(0)
        try:
            container = av.open(
                # Without a name, FFmpeg detects the format by the content alone.
                SimpleNamespace(read=file.read, seek=file.seek, tell=file.tell),
                mode="r",
                format="g722" if name.lower().endswith(".g722") else None,
                container_options={
                    "format_whitelist": _ALLOWED_CONTAINERS,
                    **(_WAV_OPTIONS if is_wav else {}),
                },
                metadata_errors="replace",
                io_open=_refuse_nested_file,
            )
        except (av.error.FFmpegError, OSError) as error:
            raise AudioError(_why_not_opened(file, label)) from error
        with container:
            stream = _select_stream(container, label)
            position = file.tell()  # FFmpeg continues from where it left off
            stated_s = _stated_duration_s(file, container, stream)
            file.seek(position)
            yield OpenRecording(label, file, n_bytes, container, stream, stated_s)


def _open_file(source: bytes | str | os.PathLike[str], label: str) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    path = Path(source)
    if path.is_dir():
        raise AudioError(f"{label} is a folder. Choose a recording inside it.")
    if not path.is_file():
        raise AudioError(f"{label} does not exist. Check the name, or upload the recording again.")
    try:
        return path.open("rb")
    except OSError as error:
        raise AudioError(
            f"{label} cannot be opened ({error.strerror}). Check its permissions, and that no "
            "other program is using it."
        ) from error


def _refuse_nested_file(url: str, _flags: int, _options: dict[str, str]) -> NoReturn:
    raise PermissionError(f"A recording must not open {url!r}")


def _why_not_opened(file: BinaryIO, label: str) -> str:
    file.seek(0)
    head = file.read(4096)
    if head[4:8] == b"ftyp":
        return (
            f"{label} is an M4A or MP4 file whose table of contents is missing or damaged, most "
            "likely because its end was cut off. Copy or export it again from the original."
        )
    for magic, kind in _OTHER_FILE_TYPES:
        if head.startswith(magic):
            return f"{label} is {kind}, whatever its extension. {_EXPECTED}"
    if _is_text(head):
        return f"{label} is a text, a web page or a playlist, not audio. {_EXPECTED}"
    return f"{label} cannot be read as a recording: it is damaged or of another type. {_EXPECTED}"


def _is_text(head: bytes) -> bool:
    try:
        # Unlike `bytes.decode`, this accepts a character cut off at the end.
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return "\0" not in text


def _select_stream(container: InputContainer, label: str) -> AudioStream:
    streams = container.streams.audio
    if not streams:
        raise AudioError(
            f"{label} has no audio track: it is a video without sound, or damaged. "
            "Choose a recording, or a video with sound."
        )
    selected = next((s for s in streams if s.disposition & Disposition.default), streams[0])
    if not selected.codec_context:
        raise AudioError(
            f"The audio codec of {label} is unknown, or it is copy-protected. Export it again as "
            "WAV, FLAC or MP3."
        )
    for stream in container.streams:
        if stream is not selected:
            stream.discard = Discard.all  # skips the pictures of a video
    return selected


def _stated_duration_s(
    file: BinaryIO, container: InputContainer, stream: AudioStream
) -> float | None:
    kind = container.format.name
    if kind == "wav":  # FFmpeg silently limits the stored size to that of the file
        n_bytes = _wav_data_bytes(file)
        bit_rate = stream.codec_context.bit_rate
        return n_bytes * 8 / bit_rate if n_bytes and bit_rate else None
    if kind in _STORING_DURATION or (kind == "mp3" and _mp3_has_frame_count(file)):
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        # The duration of a video need not be that of its audio.
        if container.duration is not None and len(container.streams) == 1:
            return container.duration / av.time_base
    return None


def _wav_data_bytes(file: BinaryIO) -> int | None:
    file.seek(12)
    for _ in range(_MAX_WAV_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            break
        chunk_id, n_bytes = struct.unpack("<4sI", header)
        if chunk_id == b"data":
            return n_bytes if n_bytes < _WAV_SIZE_UNKNOWN else None
        file.seek(n_bytes + n_bytes % 2, os.SEEK_CUR)
    return None


def _mp3_has_frame_count(file: BinaryIO) -> bool:
    """Whether the first frame is a tag (Xing, Info, VBRI) with the number of frames."""
    file.seek(0)
    head = file.read(10)
    first_frame_at = 0
    if head.startswith(b"ID3") and len(head) == 10:
        # The size in an ID3v2 header has four bytes of seven bits each.
        shifted = (byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        first_frame_at = 10 + sum(shifted)
    file.seek(first_frame_at)
    first_frame = file.read(256)
    return any(tag in first_frame for tag in (b"Xing", b"Info", b"VBRI"))


def packets(recording: OpenRecording) -> Iterator["Packet[AudioStream]"]:
    """Yield the packets of the selected track as far as the file can be read."""
    demuxed = recording.container.demux(recording.stream)
    while True:
        try:
            packet = next(demuxed)
        except (StopIteration, av.error.FFmpegError):  # the end, or nothing is readable from here
            return
        except OSError as error:
            raise AudioError(
                f"{recording.label} cannot be read completely ({error.strerror}). Check the disk "
                "or the network connection, and try again."
            ) from error
        yield packet
