"""A finished transcript: to read, to listen to, to take away."""

from collections.abc import Iterator
from functools import partial
from html import escape
from pathlib import Path

import pandas as pd
import streamlit as st

from lab import audio, recordings
from lab.audio import Waveform
from lab.core.errors import LabError
from lab.core.languages import LANGUAGES
from lab.core.workspace import Workspace
from lab.recordings import SavedTranscript
from lab.transcripts import FORMATS, Segment, Transcript, Word, to_zip
from lab.transcripts.clips import clip_name, clips, cuts
from lab.ui import words
from lab.ui.charts import language_bars
from lab.ui.into_dataset import add_to_dataset

# Below this probability a word is marked: on clean speech few right words, most wrong ones.
_UNSURE_BELOW = 0.5
_SEGMENT_PADDING_S = 0.15
# Three lines of text: a segment is rarely longer.
_ROW_HEIGHT = 72
_SELECTED = "transcript"


def show_results(workspace: Workspace) -> None:
    """The transcript that the address names, or the newest, with a choice of all others."""
    saved = {one.id: one for one in recordings.list_transcripts(workspace)}
    if not saved:
        st.info(
            "The text appears here. Bring a recording, or click a sample to see how it looks.",
            icon=":material/notes:",
        )
        return
    asked = st.query_params.get(_SELECTED)
    ids = list(saved)
    chosen = st.selectbox(
        "Transcript",
        ids,
        index=ids.index(asked) if asked in saved else 0,
        format_func=lambda one: (
            f"{saved[one].recording.name} · {saved[one].saved_at:%d %b %Y %H:%M} UTC"
        ),
        label_visibility="collapsed",
    )
    st.query_params[_SELECTED] = chosen
    try:
        transcript = saved[chosen].load()
    except LabError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return
    _show(workspace, saved[chosen], transcript)


def _show(workspace: Workspace, saved: SavedTranscript, transcript: Transcript) -> None:
    _summary(transcript)
    if not transcript.segments:
        st.warning(
            "No speech was found in this recording. If somebody speaks in it, lower the speech "
            "threshold under Advanced and transcribe it again.",
            icon=":material/voice_over_off:",
        )
        return
    _downloads(saved, transcript)
    _to_dataset(workspace, saved, transcript)
    text, segments, language = st.tabs(["Text", "Segments", "Language"])
    with text:
        st.html(_marked(transcript))
        if any(segment.unsure_words(_UNSURE_BELOW) for segment in transcript.segments):
            st.caption("Underlined: words that the model was not sure of.")
    with segments:
        _segments(saved, transcript)
    with language:
        if transcript.language_probabilities:
            st.plotly_chart(
                language_bars(transcript.language_probabilities),
                config={"displayModeBar": False},
                key="languages",
            )
        else:
            st.caption("The language was given, so it was not detected.")


def _summary(transcript: Transcript) -> None:
    probability = transcript.language_probabilities.get(transcript.language)
    language = LANGUAGES.get(transcript.language, transcript.language)
    parts = [
        f"{language} ({probability:.0%})" if probability else language,
        words.length(transcript.duration_s),
        words.count(len(transcript.text.split()), "word"),
        f"model {words.plain(transcript.model)}",
    ]
    if transcript.task == "translate":
        parts.insert(1, "translated to English")
    st.markdown(":gray[" + " · ".join(parts) + "]")


def _to_dataset(workspace: Workspace, saved: SavedTranscript, transcript: Transcript) -> None:
    chosen = cuts(transcript)
    if transcript.task == "translate" or not chosen:
        return  # what was translated is not what is spoken
    stem = saved.recording.stem

    def made() -> Iterator[tuple[str, bytes]]:
        recording = saved.recording
        return clips(_waveform(recording.audio_path, recording.name), chosen, stem=stem)

    with st.popover("Add to dataset", icon=":material/dataset:"):
        st.markdown(
            "Each sentence or two becomes a clip with its text, for you to correct by ear; so "
            "the model learns what it did not know."
        )
        add_to_dataset(
            workspace,
            made,
            n_clips=len(chosen),
            texts={clip_name(stem, place): cut.text for place, cut in enumerate(chosen, start=1)},
            language=transcript.language,
        )


def _downloads(saved: SavedTranscript, transcript: Transcript) -> None:
    stem = saved.recording.stem
    row = st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="downloads")
    row.markdown(":material/download:", width="content")
    for suffix, render in FORMATS.items():
        row.download_button(
            suffix,
            data=partial(render, transcript),
            file_name=f"{stem}.{suffix}",
            mime="application/json" if suffix == "json" else "text/plain",
            on_click="ignore",
            key=f"download_{suffix}",
        )
    row.download_button(
        "all (zip)",
        data=lambda: to_zip({stem: transcript}),
        file_name=f"{stem}.zip",
        mime="application/zip",
        on_click="ignore",
        key="download_zip",
    )


def _marked(transcript: Transcript) -> str:
    """The text with unsure words underlined. Everything that was said is escaped."""
    paragraphs = []
    for segment in transcript.segments:
        if segment.words:
            marked = "".join(_marked_word(word) for word in segment.words)
        else:
            marked = escape(segment.text)
        paragraphs.append(f"<span>{marked.strip()}</span>")
    return f'<div style="line-height: 1.7">{" ".join(paragraphs)}</div>'


def _marked_word(word: Word) -> str:
    text = escape(word.text)
    if word.probability >= _UNSURE_BELOW:
        return text
    space = text[: len(text) - len(text.lstrip())]
    return (
        f'{space}<u title="{word.probability:.0%} sure" style="text-decoration: underline wavy '
        f'#c2570c; text-underline-offset: 0.2em">{text.strip()}</u>'
    )


def _segments(saved: SavedTranscript, transcript: Transcript) -> None:
    st.caption("Click the box before a line to listen to it.")
    event = st.dataframe(
        _table(transcript),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"segments_{saved.id}",
        row_height=_ROW_HEIGHT,
        column_config={
            "Start": st.column_config.TextColumn(width=60),
            "End": st.column_config.TextColumn(width=60),
            "Sure": st.column_config.NumberColumn(
                format="percent", width=60, help="Mean probability of the words"
            ),
            "Text": st.column_config.TextColumn(width=210),
            "Unsure": st.column_config.TextColumn(
                width=80, help=f"Words with a probability below {_UNSURE_BELOW:.0%}"
            ),
        },
    )
    rows = event["selection"]["rows"]
    segment = transcript.segments[rows[0]] if rows else None
    _player(saved, segment)


def _table(transcript: Transcript) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Start": [words.clock(segment.start_s) for segment in transcript.segments],
            "End": [words.clock(segment.end_s) for segment in transcript.segments],
            "Sure": [round(segment.confidence, 2) for segment in transcript.segments],
            "Text": [segment.text.strip() for segment in transcript.segments],
            "Unsure": [
                ", ".join(segment.unsure_words(_UNSURE_BELOW)) for segment in transcript.segments
            ],
        }
    )


def _player(saved: SavedTranscript, segment: Segment | None) -> None:
    if segment is None:
        return
    try:
        waveform = _waveform(saved.recording.audio_path, saved.recording.name)
    except LabError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return
    piece = waveform.slice(segment.start_s - _SEGMENT_PADDING_S, segment.end_s + _SEGMENT_PADDING_S)
    st.text(segment.text.strip())
    st.audio(audio.encode_wav(piece), autoplay=True)


# A resource, not data: nothing copies an hour of samples for each look. Two, because one compares.
@st.cache_resource(max_entries=2, show_spinner="Reading the recording …")
def _waveform(audio_path: Path, name: str) -> Waveform:
    return audio.decode(audio_path, name=name)
