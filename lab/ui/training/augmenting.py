"""What augmentation does to a clip: to see and to hear, before and after."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import streamlit as st

from lab import audio
from lab import dataset as datasets
from lab.audio import SAMPLE_RATE, Waveform
from lab.core.workspace import Workspace
from lab.features.settings import FeatureSettings
from lab.training import augment
from lab.training.config import Augmentation
from lab.ui import charts, formatting
from lab.ui.datasets.shared import load_clips

_DRAWN = "augmentation_drawn"
_HEIGHT = 210
_SHORTEST_S = 1.0


def show_augmentation(workspace: Workspace, dataset_name: str, by: Augmentation) -> None:
    """A clip of the dataset before and after; raises LabError where it cannot be read."""
    if by == replace(
        by,
        time_masks=0,
        frequency_masks=0,
        noise_probability=0.0,
        max_speed_change=0.0,
        max_gain_db=0.0,
    ):
        st.caption(
            "Nothing is changed now. With many epochs on few clips, changes keep a model from "
            "learning the recordings by heart: try 2 time masks, 0.3 noise and 0.1 speed."
        )
        return
    dataset = datasets.find(workspace, dataset_name)
    clips = [one for one in load_clips(dataset) if one.is_usable] or list(load_clips(dataset))
    clips = [one for one in clips if (one.duration_s or 0) >= _SHORTEST_S] or clips
    if not clips:
        return
    number = st.session_state.setdefault(_DRAWN, 0)
    clip = clips[number * 7919 % len(clips)]  # another one each time, from all over the dataset
    st.button(
        "Draw again",
        icon=":material/casino:",
        on_click=_draw_again,
        help="Another clip and other changes. Each time a clip is learned from, it is changed "
        "in another way.",
    )
    st.caption(f"“{formatting.plain(clip.transcription)}”")
    before = audio.decode(dataset.audio_path(clip), max_duration_s=31.0)
    rng = np.random.default_rng(number)
    after = Waveform(augment.augment_waveform(before.samples, by, rng), SAMPLE_RATE)
    left, right = st.columns(2)
    with left:
        st.markdown("**As it is**")
        _shown(before, None, rng, key=f"before_{Path(clip.file_name).stem}")
    with right:
        st.markdown("**As the model gets it this time**")
        _shown(after, by, rng, key="after")


def _shown(
    waveform: Waveform, masks: Augmentation | None, rng: np.random.Generator, *, key: str
) -> None:
    from lab.features.whisper_mel import whisper_log_mel

    mel = whisper_log_mel(waveform, FeatureSettings())
    scale = (float(mel.array.min()), float(mel.array.max()))
    if masks:
        mel = replace(mel, array=augment.spec_augment(np.asarray(mel.array), masks, rng))
    figure = charts.feature(mel, scale=scale, height=_HEIGHT)
    figure.update_traces(showscale=False)
    figure.update_xaxes(title=None, ticksuffix=" s")
    figure.update_yaxes(title=None, showticklabels=False)
    st.plotly_chart(figure, config={"displayModeBar": False}, key=f"augmented_{key}")
    st.audio(audio.encode_wav(waveform))


def _draw_again() -> None:
    st.session_state[_DRAWN] += 1
