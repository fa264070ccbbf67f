"""A stretch of a recording, chosen by dragging over its waveform, and heard."""

from pathlib import Path

import streamlit as st

from lab import audio
from lab.audio import SAMPLE_RATE, Waveform
from lab.core.errors import LabError
from lab.features.reduce import waveform_envelope
from lab.recordings import Recording
from lab.ui import charts, words

_PIECES = 1500
_SHORTEST_S = 0.1
# A sound of this length is heard at once; longer ones are for the eye.
_HEARD_S = 120.0
# Longer recordings are read at Whisper's rate: an hour at 48 kHz would take 0.7 GB.
_FULL_RATE_S = 1200.0


def choose_stretch(waveform: Waveform, identity: str) -> tuple[Waveform, float]:
    """The stretch that is chosen, all of it at first, and where it begins (seconds)."""
    envelope = waveform_envelope(waveform, width=_PIECES)
    highest = max(1.05 * float(abs(waveform.samples).max(initial=0.0)), 0.05)
    event = st.plotly_chart(
        charts.wave(envelope, highest=highest, height=100, selectable=True),
        on_select="rerun",
        selection_mode="box",
        config={"displayModeBar": False},
        key=f"stretch_{identity}",
    )
    boxes = event["selection"]["box"]
    start_s, end_s = sorted(boxes[0]["x"]) if boxes else (0.0, waveform.duration_s)
    start_s, end_s = max(start_s, 0.0), min(end_s, waveform.duration_s)
    if end_s - start_s < _SHORTEST_S:
        start_s, end_s = 0.0, waveform.duration_s
    stretch = waveform.slice(start_s, end_s)
    if stretch.duration_s <= _HEARD_S:
        st.audio(audio.encode_wav(stretch))
    st.caption(
        f"Shown: {words.clock(start_s)} to {words.clock(end_s)}, "
        f"{waveform.sample_rate:,} samples a second. Drag over the wave to choose a stretch; "
        "double-click it for all."
    )
    return stretch, start_s


def read_or_stop(recording: Recording) -> Waveform:
    """The recording as one channel, at its own rate unless it is long; else the page ends here."""
    try:
        return _read(recording.audio_path, recording.name)
    except LabError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        st.stop()


# A resource, not data: nothing copies an hour of samples for each look. A path holds the id of the
# recording and, in public, the visitor's own folder.
@st.cache_resource(max_entries=2, show_spinner="Reading the recording …")
def _read(path: Path, name: str) -> Waveform:
    info = audio.probe(path, name=name)
    is_long = info.duration_s is None or info.duration_s > _FULL_RATE_S
    rate = SAMPLE_RATE if is_long else info.sample_rate
    return audio.decode(path, name=name, sample_rate=rate)
