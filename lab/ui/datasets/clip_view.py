"""One clip of a dataset: player, waveform, spectrogram and metadata."""

from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from lab import audio
from lab.core.languages import LANGUAGES
from lab.dataset import STATUSES, Dataset, DatasetClip
from lab.features.reduce import overview, waveform_envelope
from lab.features.settings import FeatureSettings
from lab.features.spectra import in_decibels
from lab.ui import charts, formatting
from lab.ui.feedback import errors_shown

_MAX_FRAMES, _MAX_BINS, _MAX_SLICES = 500, 96, 900
_TOP_DB = 80.0
_HEIGHT = 260


def show_clip(dataset: Dataset, clip: DatasetClip, *, key: str = "clip_chart") -> None:
    """Show a clip to listen to, with its waveform, spectrogram and metadata.

    key: of the chart; must differ between clips shown at the same time
    """
    st.markdown(f"##### {formatting.escape(clip.transcription or 'No text yet')}")
    with errors_shown():
        wav, figure = _wav_and_chart(dataset.audio_path(clip))
        st.audio(wav)
        charts.show(figure, key=key)
    st.caption(" · ".join(_metadata(clip)))


def _metadata(clip: DatasetClip) -> list[str]:
    escape = formatting.escape
    parts = [escape(Path(clip.file_name).name)]
    if clip.duration_s is not None:
        parts.append(formatting.duration(clip.duration_s))
    parts += [
        f"speaker {escape(clip.speaker)}" if clip.speaker else "speaker unknown",
        escape(LANGUAGES.get(clip.language, clip.language)),
        f"split {escape(clip.split)}" if clip.split else "no split",
        escape(STATUSES.get(clip.status, clip.status)),
    ]
    return parts + [f"{escape(name)}: {escape(value)}" for name, value in clip.extra if value]


# The path identifies the visitor's workspace, and the file name the content.
@st.cache_resource(max_entries=8, show_spinner=False)
def _wav_and_chart(path: Path) -> tuple[bytes, go.Figure]:
    waveform = audio.decode(path)
    power = overview(
        waveform, FeatureSettings(), "power", max_frames=_MAX_FRAMES, max_bins=_MAX_BINS
    )
    figure = charts.feature_below_waveform(
        waveform_envelope(waveform, width=_MAX_SLICES),
        in_decibels(power, view="power_db", top_db=_TOP_DB),
        scale=(-_TOP_DB, 0.0),
        height=_HEIGHT,
    )
    figure.update_traces(showscale=False, selector={"type": "heatmap"})
    return audio.encode_wav(waveform), figure
