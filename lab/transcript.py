"""What was said: words, segments and transcripts, and the files they become."""

import io
import json
import math
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.errors import WorkspaceError


@dataclass(frozen=True)
class Word:
    """A word as spoken, with its leading space and its punctuation.

    `probability` is the mean of its tokens' probabilities, 0 to 1. The times are seconds in the
    recording, `None` where word times were not asked for.
    """

    text: str
    probability: float
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True)
class Segment:
    """A stretch of speech with its text; the fields are openai-whisper's, with units.

    `avg_logprob` is the mean log probability of the tokens of the window the segment was decoded
    in, `compression_ratio` that of the window's text (above 2.4 it repeats itself), and
    `window_start_s` is where the window begins (openai's `seek`).
    """

    start_s: float
    end_s: float
    text: str
    tokens: tuple[int, ...] = ()
    temperature: float = 0.0
    avg_logprob: float = 0.0
    compression_ratio: float = 0.0
    no_speech_prob: float = 0.0
    window_start_s: float = 0.0
    words: tuple[Word, ...] = ()

    @property
    def confidence(self) -> float:
        """Mean probability of the words, 0 to 1; the window's mean token probability without."""
        if self.words:
            return sum(word.probability for word in self.words) / len(self.words)
        return math.exp(min(self.avg_logprob, 0.0))

    def unsure_words(self, below: float = 0.5) -> list[str]:
        """The words that the model gave less than probability `below`."""
        return [word.text.strip() for word in self.words if word.probability < below]


@dataclass(frozen=True)
class Transcript:
    """All segments of one recording, in order of time, and how they came about."""

    segments: tuple[Segment, ...]
    language: str
    language_probabilities: Mapping[str, float] = field(default_factory=dict)
    duration_s: float = 0.0
    model: str = ""
    task: str = "transcribe"

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments).strip()


def to_txt(transcript: Transcript) -> str:
    """A line a segment."""
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
    """Tab-separated start and end in milliseconds, and the text."""
    rows = (
        f"{round(1000 * segment.start_s)}\t{round(1000 * segment.end_s)}\t"
        f"{_one_line(segment.text).replace(chr(9), ' ')}\n"
        for segment in transcript.segments
    )
    return "start\tend\ttext\n" + "".join(rows)


def to_json(transcript: Transcript) -> str:
    """openai-whisper's JSON; what it has no place for follows under keys of our own."""
    return json.dumps(as_dict(transcript), ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: Mapping[str, Callable[[Transcript], str]] = {
    "txt": to_txt,
    "srt": to_srt,
    "vtt": to_vtt,
    "tsv": to_tsv,
    "json": to_json,
}


def to_zip(transcripts: Mapping[str, Transcript]) -> bytes:
    """Every format of each transcript, named by its key, in one archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for stem, transcript in transcripts.items():
            for suffix, render in FORMATS.items():
                archive.writestr(f"{stem}.{suffix}", render(transcript))
    return buffer.getvalue()


def as_dict(transcript: Transcript) -> dict[str, Any]:
    """The JSON object of a transcript: `whisper.transcribe`'s result and a few keys more.

    Words without times stand under `word_probabilities`, because readers of openai's `words`
    rely on `start` and `end`.
    """
    return {
        "text": transcript.text,
        "segments": [
            _segment_as_dict(number, segment) for number, segment in enumerate(transcript.segments)
        ],
        "language": transcript.language,
        "language_probabilities": dict(transcript.language_probabilities),
        "duration": transcript.duration_s,
        "model": transcript.model,
        "task": transcript.task,
    }


def from_dict(content: Mapping[str, Any]) -> Transcript:
    """The transcript of an object made by `as_dict` or by openai-whisper.

    Raises `WorkspaceError` when it is something else.
    """
    try:
        return Transcript(
            segments=tuple(_segment_from_dict(segment) for segment in content["segments"]),
            language=str(content["language"]),
            language_probabilities={
                str(code): _number(probability)
                for code, probability in content.get("language_probabilities", {}).items()
            },
            duration_s=_number(content.get("duration", 0.0)),
            model=str(content.get("model", "")),
            task=str(content.get("task", "transcribe")),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise WorkspaceError(
            f"This is not a transcript in openai-whisper's shape: {error!r}."
        ) from error


def _segment_as_dict(number: int, segment: Segment) -> dict[str, Any]:
    content: dict[str, Any] = {
        "id": number,
        "seek": round(100 * segment.window_start_s),  # in openai's frames of 10 ms
        "start": segment.start_s,
        "end": segment.end_s,
        "text": segment.text,
        "tokens": list(segment.tokens),
        "temperature": segment.temperature,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_prob,
    }
    timed = [word for word in segment.words if word.start_s is not None]
    if timed:
        content["words"] = [
            {
                "word": word.text,
                "start": word.start_s,
                "end": word.end_s,
                "probability": word.probability,
            }
            for word in timed
        ]
    elif segment.words:
        content["word_probabilities"] = [
            {"word": word.text, "probability": word.probability} for word in segment.words
        ]
    return content


def _segment_from_dict(content: Mapping[str, Any]) -> Segment:
    words = content.get("words") or content.get("word_probabilities") or []
    return Segment(
        start_s=_number(content["start"]),
        end_s=_number(content["end"]),
        text=str(content["text"]),
        tokens=tuple(int(token) for token in content.get("tokens", [])),
        temperature=_number(content.get("temperature", 0.0)),
        avg_logprob=_number(content.get("avg_logprob", 0.0)),
        compression_ratio=_number(content.get("compression_ratio", 0.0)),
        no_speech_prob=_number(content.get("no_speech_prob", 0.0)),
        window_start_s=_number(content.get("seek", 0)) / 100,
        words=tuple(
            Word(
                text=str(word["word"]),
                probability=_number(word["probability"]),
                start_s=_seconds_or_none(word.get("start")),
                end_s=_seconds_or_none(word.get("end")),
            )
            for word in words
        ),
    )


def _seconds_or_none(value: object) -> float | None:
    return _number(value) if isinstance(value, int | float) else None


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):  # Python's JSON reader lets NaN and infinity through
        raise ValueError(f"{number} is no number")
    return number


def _clock(seconds: float, decimal_mark: str, *, hours: bool = False) -> str:
    """hh:mm:ss and milliseconds, the hours left out where there are none unless `hours`."""
    total_ms = round(1000 * seconds)
    minutes, milliseconds = divmod(total_ms, 60_000)
    hour, minute = divmod(minutes, 60)
    head = f"{hour:02d}:" if hours or hour else ""
    return f"{head}{minute:02d}:{milliseconds // 1000:02d}{decimal_mark}{milliseconds % 1000:03d}"


def _cue_text(segment: Segment) -> str:
    """The segment's text on one line, without the arrow that would read as a cue's times."""
    return re.sub("-{2,}>", "->", _one_line(segment.text))


def _one_line(text: str) -> str:
    # A person's correction may hold line breaks, which end a cue or a row.
    return " ".join(filter(None, map(str.strip, text.splitlines())))
