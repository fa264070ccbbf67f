"""Transcripts as JSON, in the format of `whisper.transcribe`'s result."""

import math
from collections.abc import Mapping
from typing import Any

from lab.core.errors import WorkspaceError
from lab.transcripts.transcript import Segment, Transcript, Word

# Numbers of a segment, under the same names in openai's format.
_SCORES = ("temperature", "avg_logprob", "compression_ratio", "no_speech_prob")


def to_dict(transcript: Transcript) -> dict[str, Any]:
    """Return the JSON object of a transcript: `whisper.transcribe`'s result with additional keys.

    Words without timestamps are stored as `word_probabilities`, because readers of openai's
    `words` rely on `start` and `end`.
    """
    return {
        "text": transcript.text,
        "segments": [_segment_to_dict(*numbered) for numbered in enumerate(transcript.segments)],
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
        **{name: getattr(segment, name) for name in _SCORES},
    }
    words = [(word.text, word.start_s, word.end_s, word.probability) for word in segment.words]
    if timed := [word for word in words if word[1] is not None]:
        keys = ("word", "start", "end", "probability")
        content["words"] = [dict(zip(keys, word, strict=True)) for word in timed]
    elif words:
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
        **{name: _number(content.get(name, 0.0)) for name in _SCORES},
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
