"""Running transcriptions, and one finished transcript: text, segments, downloads."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from html import escape
from pathlib import Path

import streamlit as st

from lab import audio, recordings
from lab.audio import Waveform
from lab.core.languages import LANGUAGES
from lab.core.workspace import Workspace
from lab.jobs.transcription import TranscriptionJob
from lab.recordings import SavedTranscript
from lab.transcripts import FORMATS, Segment, Transcript, Word, to_zip
from lab.transcripts.clips import clip_name, cut_audio, split_into_clips
from lab.ui import charts, formatting
from lab.ui.controls import choose_remembered, remember
from lab.ui.feedback import errors_shown
from lab.ui.into_dataset import add_to_dataset
from lab.ui.job_list import show_jobs
from lab.ui.server import server
from lab.ui.tables import select_row, show_facts

# Words less probable than this are marked: few correct words of clear speech, most wrong ones.
_LOW_CONFIDENCE = 0.5
_SEGMENT_PADDING_S = 0.15
# Three lines of text: a segment is rarely longer.
_ROW_HEIGHT = 72
_TRANSCRIPT = "transcript"  # the query parameter


def show_transcription_jobs(workspace: Workspace) -> None:
    """The transcription queue of this workspace, with the text as it is decoded."""
    show_jobs(
        workspace,
        server().transcriptions,
        key="queue",
        title=lambda job: (
            f"{formatting.escape(job.recording.name)} :gray[{formatting.escape(job.model)} ·]"
        ),
        details=_show_progress,
        on_end=_open_newest,
    )


def _show_progress(job: TranscriptionJob) -> None:
    if job.state == "running" and job.segments:
        with st.container(height=180, border=False, autoscroll=True, key="live_text"):
            st.text("\n".join(segment.text.strip() for segment in job.segments))
    if job.warning:
        st.warning(formatting.escape(job.warning), icon=":material/warning:")


def _open_newest(jobs: Sequence[TranscriptionJob]) -> None:
    newest = next((job for job in reversed(jobs) if job.transcript_id), None)
    if newest:
        remember(_TRANSCRIPT, str(newest.transcript_id))


def show_transcript(workspace: Workspace) -> None:
    """The transcript named in the URL, or the newest; a select box offers all others."""
    saved = {transcript.id: transcript for transcript in recordings.list_transcripts(workspace)}
    if not saved:
        st.info(
            "Transcripts appear here. Add a recording, or click one of the samples to try it out.",
            icon=":material/notes:",
        )
        return
    chosen = choose_remembered(
        "Transcript",
        list(saved),
        param=_TRANSCRIPT,
        format_func=lambda transcript_id: (
            f"{saved[transcript_id].recording.name} · "
            f"{saved[transcript_id].saved_at:%d %b %Y %H:%M} UTC"
        ),
        label_visibility="collapsed",
    )
    with errors_shown():
        _show(workspace, saved[chosen])


def _show(workspace: Workspace, saved: SavedTranscript) -> None:
    transcript = saved.load()
    _show_summary(transcript)
    if not transcript.segments:
        st.warning(
            "No speech was found in this recording. If someone does speak in it, lower the speech "
            "threshold under Advanced and transcribe it again.",
            icon=":material/voice_over_off:",
        )
        return
    _download_buttons(saved, transcript)
    _add_to_dataset(workspace, saved, transcript)
    text, segments, language = st.tabs(["Text", "Segments", "Language"])
    with text:
        st.html(_marked_text(transcript))
        if any(one.low_confidence_words(_LOW_CONFIDENCE) for one in transcript.segments):
            st.caption("Underlined words have a low confidence: check them first.")
    with segments:
        _show_segments(saved, transcript)
    with language:
        if transcript.language_probabilities:
            charts.show(charts.language_bars(transcript.language_probabilities), key="languages")
        else:
            st.caption("You chose the language, so it was not detected.")


def _show_summary(transcript: Transcript) -> None:
    probability = transcript.language_probabilities.get(transcript.language)
    language = LANGUAGES.get(transcript.language, transcript.language)
    show_facts(
        f"{language} ({probability:.0%})" if probability else language,
        "translated to English" if transcript.task == "translate" else "",
        formatting.duration(transcript.duration_s),
        formatting.count(len(transcript.text.split()), "word"),
        f"model {formatting.escape(transcript.model)}",
    )


def _add_to_dataset(workspace: Workspace, saved: SavedTranscript, transcript: Transcript) -> None:
    clips = split_into_clips(transcript)
    if transcript.task == "translate" or not clips:
        return  # a translation is not the text that is spoken
    stem = saved.recording.stem

    def wav_files() -> Iterator[tuple[str, bytes]]:
        recording = saved.recording
        return cut_audio(_waveform(recording.audio_path, recording.name), clips, stem=stem)

    with st.popover("Add to dataset", icon=":material/dataset:"):
        st.markdown(
            "Every sentence or two becomes a clip with its text. Once you have corrected the "
            "texts by ear, a model can learn from them."
        )
        add_to_dataset(
            workspace,
            wav_files,
            n_clips=len(clips),
            texts={
                clip_name(stem, number): clip.text for number, clip in enumerate(clips, start=1)
            },
            language=transcript.language,
        )


def _download_buttons(saved: SavedTranscript, transcript: Transcript) -> None:
    stem = saved.recording.stem
    row = st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="downloads")
    row.markdown(":material/download:", width="content")
    files: dict[str, Callable[[], str | bytes]] = {
        suffix: partial(render, transcript) for suffix, render in FORMATS.items()
    }
    files["zip"] = partial(to_zip, {stem: transcript})
    for suffix, content in files.items():
        row.download_button(
            "all (zip)" if suffix == "zip" else suffix,
            data=content,
            file_name=f"{stem}.{suffix}",
            on_click="ignore",
            key=f"download_{suffix}",
        )


def _marked_text(transcript: Transcript) -> str:
    """The text as HTML, escaped, with words of low confidence underlined."""
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
    if word.probability >= _LOW_CONFIDENCE:
        return text
    space = text[: len(text) - len(text.lstrip())]
    return (
        f'{space}<u title="Confidence {word.probability:.0%}" style="text-decoration: underline '
        f'wavy #c2570c; text-underline-offset: 0.2em">{text.strip()}</u>'
    )


def _show_segments(saved: SavedTranscript, transcript: Transcript) -> None:
    st.caption("Select a row to listen to it.")
    segments = transcript.segments
    doubtful_words = [segment.low_confidence_words(_LOW_CONFIDENCE) for segment in segments]
    row = select_row(
        {
            "Start": [formatting.timestamp(segment.start_s) for segment in segments],
            "End": [formatting.timestamp(segment.end_s) for segment in segments],
            "Confidence": [round(segment.confidence, 2) for segment in segments],
            "Text": [segment.text.strip() for segment in segments],
            "Check": [", ".join(words) for words in doubtful_words],
        },
        key=f"segments_{saved.id}",
        row_height=_ROW_HEIGHT,
        column_config={
            "Start": st.column_config.TextColumn(width=60),
            "End": st.column_config.TextColumn(width=60),
            "Confidence": st.column_config.NumberColumn(
                format="percent", width=80, help="Average probability of the words"
            ),
            "Text": st.column_config.TextColumn(width=210),
            "Check": st.column_config.TextColumn(
                width=80, help=f"Words with a confidence below {_LOW_CONFIDENCE:.0%}"
            ),
        },
    )
    if row is not None:
        with errors_shown():
            _play(saved, segments[row])


def _play(saved: SavedTranscript, segment: Segment) -> None:
    waveform = _waveform(saved.recording.audio_path, saved.recording.name)
    piece = waveform.slice(segment.start_s - _SEGMENT_PADDING_S, segment.end_s + _SEGMENT_PADDING_S)
    st.text(segment.text.strip())
    st.audio(audio.encode_wav(piece), autoplay=True)


# A resource, not data, so that an hour of samples is not copied on every rerun. Two entries, for
# comparing two transcripts.
@st.cache_resource(max_entries=2, show_spinner="Reading the recording …")
def _waveform(audio_path: Path, name: str) -> Waveform:
    return audio.decode(audio_path, name=name)
