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
    cues = (_cue(segment, ",", hours=True) for segment in transcript.segments)
    return "".join(f"{number}\n{cue}" for number, cue in enumerate(cues, start=1))


def to_vtt(transcript: Transcript) -> str:
    """WebVTT subtitles, for the browser's <track>."""
    return "WEBVTT\n\n" + "".join(_cue(segment, ".") for segment in transcript.segments)


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


def _cue(segment: Segment, decimal_mark: str, *, hours: bool = False) -> str:
    """A subtitle with its times. hours: write them even if they are 0"""
    start, end = (
        _clock(seconds, decimal_mark, hours=hours) for seconds in (segment.start_s, segment.end_s)
    )
    # An arrow in the text would be read as the times of a cue.
    text = re.sub("-{2,}>", "->", _one_line(segment.text))
    return f"{start} --> {end}\n{text}\n\n"


def _clock(seconds: float, decimal_mark: str, *, hours: bool) -> str:
    """Format as hh:mm:ss and milliseconds. hours: write them even if they are 0"""
    whole_s, milliseconds = divmod(round(1000 * seconds), 1000)
    minutes, second = divmod(whole_s, 60)
    hour, minute = divmod(minutes, 60)
    head = f"{hour:02d}:" if hours or hour else ""
    return f"{head}{minute:02d}:{second:02d}{decimal_mark}{milliseconds:03d}"


def _one_line(text: str) -> str:
    # Corrected texts may contain line breaks, which would end a cue or a row.
    return " ".join(filter(None, map(str.strip, text.splitlines())))
