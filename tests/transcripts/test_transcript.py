"""Transcripts are exported in the formats of openai-whisper, and JSON is read back losslessly."""

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whisper.utils import get_writer

from lab import transcripts
from lab.core.errors import WorkspaceError
from lab.transcripts import FORMATS, Segment, Transcript, Word


def segment(start_s: float, end_s: float, text: str, **fields: Any) -> Segment:
    return Segment(start_s=start_s, end_s=end_s, text=text, **fields)


def openai_writes(suffix: str, result: dict[str, Any]) -> str:
    file = io.StringIO()
    get_writer(suffix, ".").write_result(result, file=file)  # type: ignore[attr-defined]
    return file.getvalue()


EXAMPLES = {
    "nothing": (),
    "one": (segment(0.0, 1.234, " Hello."),),
    "several": (segment(0.3, 2.5, " Mirë se erdhët!"), segment(2.5, 4.0, " Добро пожаловать")),
    "hours": (segment(3599.999, 3600.0, " soon"), segment(36000.01, 363600.5, " late")),
    "an arrow": (segment(0.0, 1.0, " a --> b -->"),),
    "tabs": (segment(0.0, 1.0, "a\tb\t"),),
    "touching a minute": (segment(59.9994, 59.9996, " a"),),
    "no text": (segment(1.0, 1.0, " "),),
}


@pytest.mark.parametrize("suffix", ["txt", "srt", "vtt", "tsv"])
@pytest.mark.parametrize("kind", list(EXAMPLES))
def test_files_equal_those_of_openai_whisper(kind: str, suffix: str) -> None:
    transcript = Transcript(EXAMPLES[kind], "en", duration_s=5.0)
    ours = FORMATS[suffix](transcript)
    assert ours == openai_writes(suffix, transcripts.to_dict(transcript))


def test_with_word_timestamps_a_cue_still_holds_its_segment() -> None:
    # openai-whisper takes a cue's times from its words then, which here are the segment's own.
    words = (Word(" Hello", 0.9, 0.5, 0.8), Word(" there.", 0.8, 0.8, 1.2))
    transcript = Transcript((segment(0.5, 1.2, " Hello there.", words=words),), "en")
    for suffix in ("srt", "vtt"):
        assert FORMATS[suffix](transcript) == openai_writes(suffix, transcripts.to_dict(transcript))


def test_the_json_contains_all_that_openai_whispers_does() -> None:
    words = (Word(" Hello", 0.9, 0.5, 0.8),)
    transcript = Transcript((segment(0.5, 0.8, " Hello", tokens=(2425,), words=words),), "en")
    written = json.loads(FORMATS["json"](transcript))
    assert written == json.loads(openai_writes("json", transcripts.to_dict(transcript)))
    assert {"text", "segments", "language"} <= set(written)
    assert set(written["segments"][0]) == {
        *("id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob"),
        *("compression_ratio", "no_speech_prob", "words"),
    }
    assert written["segments"][0]["words"] == [
        {"word": " Hello", "start": 0.5, "end": 0.8, "probability": 0.9}
    ]


# Unlike in openai-whisper, where the text of a cue may contain line breaks: an empty line ends the
# cue for every player, and the rest of the text is lost or read as a cue.
@pytest.mark.parametrize("suffix", ["srt", "vtt"])
def test_a_line_break_in_a_text_does_not_end_the_cue(suffix: str) -> None:
    hostile = " a\n\n99\n00:00:09.000 --> 00:00:10.000\nfake"
    written = FORMATS[suffix](Transcript((segment(0.0, 1.0, hostile),), "en"))
    assert written.count("-->") == 1
    assert "a 99 00:00:09.000 -> 00:00:10.000 fake\n\n" in written


@pytest.mark.parametrize("suffix", ["txt", "tsv"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_every_segment_is_one_line(suffix: str, line_break: str) -> None:
    twice = (segment(0.0, 1.0, f" a{line_break}b"), segment(1.0, 2.0, " c"))
    written = FORMATS[suffix](Transcript(twice, "en"))
    assert len(written.splitlines()) == 2 + (suffix == "tsv")


# --- the round trip ---

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_SECONDS = st.integers(0, 10**7).map(lambda hundredths: hundredths / 100)
_NUMBER = st.floats(-100, 100)
_TIMED = st.builds(Word, text=_TEXT, probability=st.floats(0, 1), start_s=_SECONDS, end_s=_SECONDS)
_UNTIMED = st.builds(Word, text=_TEXT, probability=st.floats(0, 1))
_SEGMENTS = st.builds(
    Segment,
    start_s=_SECONDS,
    end_s=_SECONDS,
    text=_TEXT,
    tokens=st.lists(st.integers(0, 51864), max_size=5).map(tuple),
    temperature=_NUMBER,
    avg_logprob=_NUMBER,
    compression_ratio=_NUMBER,
    no_speech_prob=_NUMBER,
    window_start_s=_SECONDS,
    words=(st.lists(_TIMED, max_size=3) | st.lists(_UNTIMED, max_size=3)).map(tuple),
)
_TRANSCRIPTS = st.builds(
    Transcript,
    segments=st.lists(_SEGMENTS, max_size=3).map(tuple),
    language=st.sampled_from(["en", "sq", "yue"]),
    language_probabilities=st.dictionaries(st.sampled_from(["en", "sq"]), st.floats(0, 1)),
    duration_s=_SECONDS,
    model=_TEXT,
    task=st.sampled_from(["transcribe", "translate"]),
)


@given(transcript=_TRANSCRIPTS)
def test_a_transcript_survives_the_json_round_trip(transcript: Transcript) -> None:
    assert transcripts.from_dict(json.loads(FORMATS["json"](transcript))) == transcript


@given(texts=st.lists(_TEXT | st.text("-> \n"), max_size=3))
def test_every_subtitle_file_has_one_cue_for_each_segment(texts: list[str]) -> None:
    transcript = Transcript(tuple(segment(0.0, 1.0, text) for text in texts), "en")
    for suffix in ("srt", "vtt"):
        assert FORMATS[suffix](transcript).count("-->") == len(texts)


def test_words_without_timestamps_are_not_stored_as_openai_whispers_words() -> None:
    words = (Word(" Hello", 0.9), Word(" there", 0.3))
    transcript = Transcript((segment(0.0, 1.0, " Hello there", words=words),), "en")
    content = transcripts.to_dict(transcript)
    assert "words" not in content["segments"][0]
    assert content["segments"][0]["word_probabilities"] == [
        {"word": " Hello", "probability": 0.9},
        {"word": " there", "probability": 0.3},
    ]


def test_json_of_openai_whisper_can_be_read() -> None:
    of_openai = {
        "text": " Hello there.",
        "segments": [
            {
                "id": 0,
                "seek": 3000,
                "start": 30.0,
                "end": 31,  # a whole number, as JSON may write it
                "text": " Hello there.",
                "tokens": [50364, 2425, 456, 13, 50414],
                "temperature": 0.0,
                "avg_logprob": -0.3,
                "compression_ratio": 0.7,
                "no_speech_prob": 0.01,
                "words": [{"word": " Hello", "start": 30, "end": 30.5, "probability": 0.9}],
            }
        ],
        "language": "en",
    }
    transcript = transcripts.from_dict(of_openai)
    assert transcript.text == "Hello there."
    assert transcript.segments[0].window_start_s == 30.0
    assert transcript.segments[0].words == (Word(" Hello", 0.9, 30.0, 30.5),)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"segments": None, "language": "en"},
        {"segments": [], "languages": "en"},
        {"segments": [1], "language": "en"},
        {"segments": [{"start": "soon", "end": 1, "text": ""}], "language": "en"},
        {"segments": [{"start": 0, "end": 1}], "language": "en"},
        {"segments": [], "language": "en", "language_probabilities": [1]},
        {"segments": [{"start": 0, "end": 1, "text": "", "words": [{}]}], "language": "en"},
        {"segments": [{"start": 0, "end": 1, "text": "", "tokens": ["a"]}], "language": "en"},
        {"segments": [{"start": 0, "end": float("inf"), "text": ""}], "language": "en"},
        {"segments": [{"start": float("nan"), "end": 1, "text": ""}], "language": "en"},
    ],
)
def test_what_is_no_transcript_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(WorkspaceError, match="not a transcript"):
        transcripts.from_dict(content)


# --- what is derived ---


def test_confidence_is_the_mean_of_the_words_and_without_words_that_of_the_window() -> None:
    words = (Word(" a", 0.9), Word(" b", 0.3), Word(" c", 0.6))
    with_words = segment(0.0, 1.0, " a b c", words=words, avg_logprob=-9.0)
    assert with_words.confidence == pytest.approx(0.6)
    assert with_words.low_confidence_words() == ["b"]
    assert replace(with_words, words=()).confidence == pytest.approx(0.00012, abs=1e-5)
    assert replace(with_words, words=(), avg_logprob=0.1).confidence == 1.0


def test_an_archive_holds_every_format_of_every_transcript() -> None:
    one = Transcript((segment(0.0, 1.0, " Mirë."),), "sq")
    both = {"interview": one, "запис": Transcript((), "ru")}
    with zipfile.ZipFile(io.BytesIO(transcripts.to_zip(both))) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(f"{s}.{f}" for s in both for f in FORMATS)
        assert archive.read("interview.txt").decode() == "Mirë.\n"
        assert transcripts.from_dict(json.loads(archive.read("interview.json"))) == one
