"""One clip of a dataset: to hear and to see, with all that the table says of it."""

from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from lab import audio
from lab.core.errors import LabError
from lab.core.languages import LANGUAGES
from lab.dataset import STATUSES, Dataset, Entry
from lab.features.reduce import overview, waveform_envelope
from lab.features.settings import FeatureSettings
from lab.features.spectra import in_decibels
from lab.ui import charts, words

_COLUMNS, _ROWS, _PIECES = 500, 96, 900
_RANGE_DB = 80.0
_HEIGHT = 260


def show_clip(
    dataset: Dataset, entry: Entry, *, autoplay: bool = False, key: str = "clip_views"
) -> None:
    """Its sound as a player, a waveform and a spectrogram, and its line of the table in words.

    key: of the picture; clips that are shown at the same time need different ones
    """
    st.markdown(f"##### {words.plain(entry.transcription or 'No text yet')}")
    try:
        path = dataset.audio_path(entry)
        sound, figure = _heard(path)
    except LabError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
    else:
        st.audio(sound, autoplay=autoplay)
        st.plotly_chart(figure, config={"displayModeBar": False}, key=key)
    st.caption(" · ".join(_facts(entry)))


def _facts(entry: Entry) -> list[str]:
    facts = [words.plain(Path(entry.file_name).name)]
    if entry.duration_s is not None:
        facts.append(words.length(entry.duration_s))
    facts.append(f"speaker {words.plain(entry.speaker)}" if entry.speaker else "speaker unknown")
    facts.append(words.plain(LANGUAGES.get(entry.language, entry.language)))
    facts.append(f"split {words.plain(entry.split)}" if entry.split else "in no split")
    facts.append(words.plain(STATUSES.get(entry.status, entry.status)))
    facts += [f"{words.plain(name)}: {words.plain(value)}" for name, value in entry.extra if value]
    return facts


# A resource, not data: nothing changes it. The path holds the visitor's own folder, and the name
# of a clip a piece of its hash.
@st.cache_resource(max_entries=8, show_spinner=False)
def _heard(path: Path) -> tuple[bytes, go.Figure]:
    waveform = audio.decode(path)
    power = overview(waveform, FeatureSettings(), "power", max_frames=_COLUMNS, max_bins=_ROWS)
    figure = charts.below_wave(
        waveform_envelope(waveform, width=_PIECES),
        in_decibels(power, view="power_db", top_db=_RANGE_DB),
        0.0,
        colour_map="magma",
        scale=(-_RANGE_DB, 0.0),
        height=_HEIGHT,
    )
    figure.update_traces(showscale=False, selector={"type": "heatmap"})
    return audio.encode_wav(waveform), figure
