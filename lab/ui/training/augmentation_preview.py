"""A clip before and after augmentation, to see and to hear."""

from dataclasses import replace

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

_SEED = "augmentation_seed"
_HEIGHT = 210
_MIN_CLIP_S, _MAX_CLIP_S = 1.0, 31.0
_STRIDE = 7919  # a large prime: successive seeds choose clips from all over the dataset


def show_augmentation(workspace: Workspace, dataset_name: str, augmentation: Augmentation) -> None:
    """Show a clip of the dataset before and after; raises LabError if it cannot be read."""
    if not (augmentation.alters_audio or augmentation.time_masks or augmentation.frequency_masks):
        st.caption(
            "Augmentation is off. With many epochs on few clips, it reduces overfitting: try 2 "
            "time masks, a noise probability of 0.3 and a speed change of 0.1."
        )
        return
    dataset = datasets.find(workspace, dataset_name)
    clips = [clip for clip in load_clips(dataset) if clip.is_usable] or list(load_clips(dataset))
    clips = [clip for clip in clips if (clip.duration_s or 0) >= _MIN_CLIP_S] or clips
    if not clips:
        return
    seed = st.session_state.setdefault(_SEED, 0)
    clip = clips[seed * _STRIDE % len(clips)]
    st.button(
        "Try another clip",
        icon=":material/casino:",
        on_click=st.session_state.update,
        args=({_SEED: seed + 1},),
        help="Another clip with other random changes. In training, every clip is changed "
        "differently in every epoch.",
    )
    st.caption(f"“{formatting.escape(clip.transcription)}”")
    original = audio.decode(dataset.audio_path(clip), max_duration_s=_MAX_CLIP_S)
    rng = np.random.default_rng(seed)
    samples = augment.augment_waveform(original.samples, augmentation, rng)
    left, right = st.columns(2)
    with left:
        st.markdown("**Original**")
        _show(original, None, rng, key="original")
    with right:
        st.markdown("**Augmented**")
        _show(Waveform(samples, SAMPLE_RATE), augmentation, rng, key="augmented")


def _show(
    waveform: Waveform, masks: Augmentation | None, rng: np.random.Generator, *, key: str
) -> None:
    from lab.features.spectra import whisper_log_mel

    mel = whisper_log_mel(waveform, FeatureSettings())
    scale = (float(mel.array.min()), float(mel.array.max()))
    if masks:
        mel = replace(mel, array=augment.spec_augment(np.asarray(mel.array), masks, rng))
    figure = charts.feature(mel, scale=scale, height=_HEIGHT, compact=True)
    figure.update_yaxes(showticklabels=False)
    charts.show(figure, key=f"{key}_clip")
    st.audio(audio.encode_wav(waveform))
