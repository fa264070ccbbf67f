"""Select an excerpt of a recording by dragging over its waveform, and play it."""

from pathlib import Path
from typing import Protocol

import streamlit as st

from lab import audio
from lab.audio import SAMPLE_RATE, Waveform
from lab.core.errors import LabError
from lab.features.reduce import waveform_envelope
from lab.ui import charts, formatting
from lab.ui.feedback import show_error

_ENVELOPE_WIDTH = 1500
_MIN_EXCERPT_S = 0.1
# A longer excerpt gets no player: its WAV file would be large.
_MAX_PLAYED_S = 120.0
# Longer recordings are decoded at Whisper's rate: an hour at 48 kHz would take 0.7 GB.
_MAX_FULL_RATE_S = 1200.0


class AudioSource(Protocol):
    """Anything with audio: a recording, or a clip of a dataset."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def stem(self) -> str: ...
    @property
    def audio_path(self) -> Path: ...


def select_excerpt(waveform: Waveform, source_id: str) -> tuple[Waveform, float]:
    """Let the person select a part of a waveform; initially it is all selected.

    Returns the excerpt and its start in the waveform, in seconds.
    """
    envelope = waveform_envelope(waveform, width=_ENVELOPE_WIDTH)
    figure = charts.waveform(envelope, height=100, selectable=True)
    span = charts.select_span(figure, key=f"excerpt_{source_id}")
    start_s, end_s = span or (0.0, waveform.duration_s)
    start_s, end_s = max(start_s, 0.0), min(end_s, waveform.duration_s)
    if end_s - start_s < _MIN_EXCERPT_S:
        start_s, end_s = 0.0, waveform.duration_s
    excerpt = waveform.slice(start_s, end_s)
    if excerpt.duration_s <= _MAX_PLAYED_S:
        st.audio(audio.encode_wav(excerpt))
    st.caption(
        f"Selected: {formatting.timestamp(start_s)} to {formatting.timestamp(end_s)}, "
        f"{waveform.sample_rate:,} Hz. Drag over the waveform to select a part of it; double-click "
        "to select everything."
    )
    return excerpt, start_s


def read_or_stop(source: AudioSource) -> Waveform:
    """The audio in mono, at 16 kHz if it is long, else at its own rate.

    If it cannot be read, the page shows the error and stops.
    """
    try:
        return _read(source.audio_path, source.name)
    except LabError as error:
        show_error(error)
        st.stop()


# A resource, not data, so that an hour of samples is not copied on every rerun. The path is unique:
# it contains the recording's id and, in public mode, the visitor's folder.
@st.cache_resource(max_entries=2, show_spinner="Reading the recording …")
def _read(path: Path, name: str) -> Waveform:
    info = audio.probe(path, name=name)
    is_long = info.duration_s is None or info.duration_s > _MAX_FULL_RATE_S
    rate = SAMPLE_RATE if is_long else info.sample_rate
    return audio.decode(path, name=name, sample_rate=rate)
