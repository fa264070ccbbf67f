"""Transcripts as JSON, in the format of `whisper.transcribe`'s result."""

import math
from collections.abc import Mapping
from typing import Any

from lab.core.errors import WorkspaceError
from lab.transcripts.transcript import Segment, Transcript, Word


def to_dict(transcript: Transcript) -> dict[str, Any]:
    """Return the JSON object of a transcript: `whisper.transcribe`'s result with additional keys.

    Words without timestamps are stored as `word_probabilities`, because readers of openai's
    `words` rely on `start` and `end`.
    """
    return {
        "text": transcript.text,
        "segments": [
            _segment_to_dict(number, segment) for number, segment in enumerate(transcript.segments)
        ],
        "language": transcript.language,
        "language_probabilities": dict(transcript.language_probabilities),
        "duration": transcript.duration_s,
        "model": transcript.model,
        "task": transcript.task,
    }


def from_dict(content: Mapping[str, Any]) -> Transcript:
    """Return the transcript from an object of `to_dict` or openai-whisper.

    Raises `WorkspaceError` for anything else.
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
            f"This is not a transcript in openai-whisper's format: {error!r}."
        ) from error


def _segment_to_dict(number: int, segment: Segment) -> dict[str, Any]:
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
        raise ValueError(f"{number} is not a finite number")
    return number
