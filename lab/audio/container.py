"""Opening a recording that nobody has looked at yet: damaged, mistaken for one, or hostile.

Only containers that hold nothing but media are let in, no nested file or address is ever opened,
and whatever goes wrong ends as an `AudioError` that names the file. What `lab.audio` makes of the
sound inside is not this module's matter.
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

# FFmpeg's names of the containers that are let in. Playlists (hls, dash, concat, sdp …) would
# open other files or addresses by their own account, so everything that is not named is refused.
_WHITELIST = (
    "wav,w64,aiff,caf,au,flac,mp3,aac,amr,g722,ogg,mov,mp4,m4a,matroska,webm,asf,avi,mpeg,mpegts"
)
# The containers whose stated duration is a count that the writer made. Elsewhere FFmpeg
# estimates it from the bit rate, which promises nothing.
_STATING_DURATION = ("flac", "ogg", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
# A program that writes to a pipe cannot know the size yet, and puts one of several huge numbers.
_WAV_SIZE_UNKNOWN = 0x7FFF_0000
_MAX_WAV_CHUNKS = 1000  # a hostile file could hold millions of empty ones

# In a WAV, FFmpeg looks for packed surround sound (DTS, AC-3) in the first 32 pieces of 4 kB, each
# time from the beginning: 10 ms a file. A frame of these takes at most 16 kB.
_WAV_OPTIONS = {"max_probe_packets": "4"}

_EXPECTED = "Expected is a recording such as WAV, FLAC, MP3, M4A, OGG, Opus, WebM or MP4."
_RESEMBLANCES = (
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
)


@dataclass
class OpenRecording:
    """A file that is open and has an audio track.

    label: what messages call it, “interview.mp3” in its quotation marks.
    promised_s: the seconds that it states to hold, None where only an estimate is at hand.
    lost_s: seconds that were damaged; grows while it is decoded.
    """

    label: str
    file: BinaryIO
    n_bytes: int
    container: InputContainer
    stream: AudioStream
    promised_s: float | None
    lost_s: float = 0.0


@contextmanager
def open_recording(source: bytes | str | os.PathLike[str], name: str) -> Iterator[OpenRecording]:
    """Open the bytes of a file, or a path, and choose the audio track.

    A path is only ever a path: "http://…" or "concat:…" are files that do not exist.
    `name` is for messages, and one ending in .g722 announces raw G.722, which has no header.
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
                # Without its name a file is judged by its content alone, as bytes are.
                SimpleNamespace(read=file.read, seek=file.seek, tell=file.tell),
                mode="r",
                format="g722" if name.lower().endswith(".g722") else None,
                container_options={
                    "format_whitelist": _WHITELIST,
                    **(_WAV_OPTIONS if is_wav else {}),
                },
                metadata_errors="replace",
                io_open=_refuse_nested_file,
            )
        except (av.error.FFmpegError, OSError) as error:
            raise AudioError(_why_not_opened(file, label)) from error
        with container:
            stream = _choose_stream(container, label)
            yield OpenRecording(
                label, file, n_bytes, container, stream, _promised_s(file, container, stream)
            )


def _open_file(source: bytes | str | os.PathLike[str], label: str) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    path = Path(source)
    if path.is_dir():
        raise AudioError(f"{label} is a folder. Choose one recording inside it.")
    if not path.is_file():
        raise AudioError(f"{label} does not exist. Check the name, or upload the recording again.")
    try:
        return path.open("rb")
    except OSError as error:
        raise AudioError(
            f"{label} cannot be opened ({error.strerror}). Check that you may read it, and that "
            "no other program holds it."
        ) from error


def _refuse_nested_file(url: str, _flags: int, _options: dict[str, str]) -> NoReturn:
    raise PermissionError(f"A recording must not open {url!r}")


def _why_not_opened(file: BinaryIO, label: str) -> str:
    file.seek(0)
    head = file.read(4096)
    if head[4:8] == b"ftyp":
        return (
            f"{label} is an M4A or MP4 file whose table of contents is missing or damaged, most "
            "likely because its end was cut off. Copy or export it again from where it was made."
        )
    for magic, kind in _RESEMBLANCES:
        if head.startswith(magic):
            return f"{label} is {kind}, whatever its name says. {_EXPECTED}"
    if _is_text(head):
        return f"{label} is a text, a web page or a playlist, not sound. {_EXPECTED}"
    return f"{label} cannot be read as a recording: it is damaged or of another kind. {_EXPECTED}"


def _is_text(head: bytes) -> bool:
    try:
        # Unlike `bytes.decode`, this allows a character that is cut in two where the head ends.
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return "\0" not in text


def _choose_stream(container: InputContainer, label: str) -> AudioStream:
    streams = container.streams.audio
    if not streams:
        raise AudioError(
            f"{label} has no audio track: it is a video without sound, or damaged. "
            "Bring a recording or a video that has sound."
        )
    chosen = next((s for s in streams if s.disposition & Disposition.default), streams[0])
    if not chosen.codec_context:
        raise AudioError(
            f"The sound in {label} is stored in a form (codec) that is not known here, or is "
            f"protected against copying. Export it again as WAV, FLAC or MP3. {_EXPECTED}"
        )
    for stream in container.streams:
        if stream is not chosen:
            stream.discard = Discard.all  # spares reading the pictures of a video
    return chosen


def _promised_s(file: BinaryIO, container: InputContainer, stream: AudioStream) -> float | None:
    kind = container.format.name
    if kind == "wav":  # FFmpeg silently cuts the stated size to what is there
        n_bytes = _wav_data_bytes(file)
        bit_rate = stream.codec_context.bit_rate
        return n_bytes * 8 / bit_rate if n_bytes and bit_rate else None
    if kind in _STATING_DURATION or (kind == "mp3" and _mp3_counts_its_frames(file)):
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        # The duration of a whole video says nothing of how long its sound is.
        if container.duration is not None and len(container.streams) == 1:
            return container.duration / av.time_base
    return None


@contextmanager
def _kept_position(file: BinaryIO) -> Iterator[None]:
    position = file.tell()  # FFmpeg reads on from where it believes to be
    try:
        yield
    finally:
        file.seek(position)


def _wav_data_bytes(file: BinaryIO) -> int | None:
    with _kept_position(file):
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


def _mp3_counts_its_frames(file: BinaryIO) -> bool:
    """Whether the first frame is one of the tags (Xing, Info, VBRI) that count the frames."""
    with _kept_position(file):
        file.seek(0)
        head = file.read(10)
        first_frame_at = 0
        if head.startswith(b"ID3") and len(head) == 10:
            # ID3v2 writes its size in four bytes of seven bits each.
            first_frame_at = 10 + sum(
                byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)
            )
        file.seek(first_frame_at)
        first_frame = file.read(256)
    return any(tag in first_frame for tag in (b"Xing", b"Info", b"VBRI"))


def packets(recording: OpenRecording) -> Iterator["Packet[AudioStream]"]:
    """The packets of the chosen track, as far as the file can be read."""
    demuxed = recording.container.demux(recording.stream)
    while True:
        try:
            packet = next(demuxed)
        except (StopIteration, av.error.FFmpegError):  # the end, or nothing readable from here on
            return
        except OSError as error:
            raise AudioError(
                f"{recording.label} cannot be read to its end ({error.strerror}). Check the disk "
                "or the connection it comes from, and try again."
            ) from error
        yield packet
