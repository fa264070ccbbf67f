"""Controls for the settings of a view, with presets."""

from dataclasses import replace

import streamlit as st

from lab.audio import Waveform
from lab.core.errors import LabError
from lab.features import SOURCE_LAB, WHISPER, FeatureSettings, View, view_problems
from lab.ui import formatting
from lab.ui.controls import control
from lab.ui.feedback import show_error

SHORT_WINDOW = replace(SOURCE_LAB, n_fft=256, hop_length=80, n_mels=32)
_PRESETS = {"Source lab": SOURCE_LAB, "Whisper": WHISPER}
_LABELS = {
    "n_fft": "Window (samples)",
    "hop_length": "Hop (samples)",
    "window": "Window function",
    "n_mels": "Mel bins",
    "fmin": "Lowest (Hz)",
    "fmax": "Highest (Hz)",
    "mel_scale": "Mel scale",
    "mel_norm": "Filter norm",
    "n_mfcc": "Coefficients",
    "top_db": "Range (dB)",
    "silence_db": "Silence below (dB)",
    "whisper_mels": "Whisper mel bins",
}
_WINDOWS = [128, 256, 400, 512, 1024, 2048, 4096, 8192]


def choose_settings(
    view: View, waveform: Waveform, *, key: str, preset: FeatureSettings = SOURCE_LAB
) -> FeatureSettings | None:
    """Show the controls of a view; returns None while they do not suit the recording.

    key: prefix of the widget keys, which distinguishes two sets of controls
    """
    if f"{key}_n_fft" not in st.session_state:
        _set_controls(key, preset)
    row = st.container(horizontal=True, gap="xsmall")
    for title, values in _PRESETS.items():
        row.button(title, on_click=_set_controls, args=(key, values), key=f"{key}_preset_{title}")
    controls = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    for name in FeatureSettings.schema():
        widget_key = f"{key}_{name}"
        if name in view.controls:
            with controls:
                control(
                    FeatureSettings,
                    name,
                    key=widget_key,
                    label=_LABELS[name],
                    suggestions=_WINDOWS if name == "n_fft" else (),
                    placeholder="all",
                )
        else:  # Streamlit drops the value of a widget that is not drawn
            st.session_state[widget_key] = st.session_state[widget_key]
    try:
        settings = FeatureSettings(
            **{name: st.session_state[f"{key}_{name}"] for name in FeatureSettings.schema()}
        )
        problems = view_problems(view.key, waveform, settings)
    except LabError as error:
        show_error(error)
        return None
    for problem in problems:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.error(formatting.escape(problem.sentence), icon=":material/error:")
        row.button(
            f"Use {problem.nearest:g}",
            key=f"{key}_nearest_{problem.field}",
            on_click=st.session_state.update,
            args=({f"{key}_{problem.field}": problem.nearest},),
        )
    if problems:
        return None
    if "n_fft" in view.controls:
        resolution = settings.resolution(waveform.sample_rate)
        st.caption(
            f"Each window covers **{resolution.window_ms:.3g} ms**, a new one begins every "
            f"**{resolution.hop_ms:.3g} ms**, and frequencies **{resolution.bin_hz:.3g} Hz** apart "
            "can be distinguished. Halving the window doubles the smallest frequency difference it "
            "can resolve."
        )
    return settings


def _set_controls(key: str, settings: FeatureSettings) -> None:
    st.session_state.update({f"{key}_{name}": value for name, value in vars(settings).items()})
