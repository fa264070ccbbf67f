"""Transcripts as plain text, subtitles, tables and JSON."""

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping

from lab.transcripts.serialization import to_dict
from lab.transcripts.transcript import Segment, Transcript


def to_txt(transcript: Transcript) -> str:
    """Plain text, one segment per line."""
    return "".join(_one_line(segment.text) + "\n" for segment in transcript.segments)


def to_srt(transcript: Transcript) -> str:
    """SubRip subtitles."""
    cues = (
        f"{number}\n{_clock(segment.start_s, ',', hours=True)} --> "
        f"{_clock(segment.end_s, ',', hours=True)}\n{_cue_text(segment)}\n\n"
        for number, segment in enumerate(transcript.segments, start=1)
    )
    return "".join(cues)


def to_vtt(transcript: Transcript) -> str:
    """WebVTT subtitles, for the browser's <track>."""
    cues = (
        f"{_clock(segment.start_s, '.')} --> {_clock(segment.end_s, '.')}\n{_cue_text(segment)}\n\n"
        for segment in transcript.segments
    )
    return "WEBVTT\n\n" + "".join(cues)


def to_tsv(transcript: Transcript) -> str:
    """Tab-separated start and end in milliseconds, and text."""
    rows = (
        f"{round(1000 * segment.start_s)}\t{round(1000 * segment.end_s)}\t"
        f"{_one_line(segment.text).replace(chr(9), ' ')}\n"
        for segment in transcript.segments
    )
    return "start\tend\ttext\n" + "".join(rows)


def to_json(transcript: Transcript) -> str:
    """JSON in openai-whisper's format with additional keys."""
    return json.dumps(to_dict(transcript), ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: Mapping[str, Callable[[Transcript], str]] = {
    "txt": to_txt,
    "srt": to_srt,
    "vtt": to_vtt,
    "tsv": to_tsv,
    "json": to_json,
}


def to_zip(transcripts: Mapping[str, Transcript]) -> bytes:
    """A zip archive with each transcript in every format, named by its key."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for stem, transcript in transcripts.items():
            for suffix, render in FORMATS.items():
                archive.writestr(f"{stem}.{suffix}", render(transcript))
    return buffer.getvalue()


def _clock(seconds: float, decimal_mark: str, *, hours: bool = False) -> str:
    """Format as hh:mm:ss and milliseconds. hours: write them even if they are 0"""
    total_ms = round(1000 * seconds)
    minutes, milliseconds = divmod(total_ms, 60_000)
    hour, minute = divmod(minutes, 60)
    head = f"{hour:02d}:" if hours or hour else ""
    return f"{head}{minute:02d}:{milliseconds // 1000:02d}{decimal_mark}{milliseconds % 1000:03d}"


def _cue_text(segment: Segment) -> str:
    """The text on one line, without arrows, which would be read as the times of a cue."""
    return re.sub("-{2,}>", "->", _one_line(segment.text))


def _one_line(text: str) -> str:
    # Corrected texts may contain line breaks, which would end a cue or a row.
    return " ".join(filter(None, map(str.strip, text.splitlines())))
