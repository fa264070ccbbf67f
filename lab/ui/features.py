"""The settings of the views: presets, the controls that matter for a view, and what they mean."""

from dataclasses import asdict, fields, replace

import streamlit as st

from lab.audio import Waveform
from lab.core.errors import LabError
from lab.features import SOURCE_LAB, WHISPER, FeatureSettings, SettingProblem, View, view_problems
from lab.ui import formatting
from lab.ui.controls import control

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
    """Let the person set what matters for a view; None while it does not suit the recording.

    key: tells two sets of controls apart
    """
    if f"{key}_n_fft" not in st.session_state:
        _put(key, preset)
    row = st.container(horizontal=True, gap="xsmall")
    for title, values in _PRESETS.items():
        row.button(title, on_click=_put, args=(key, values), key=f"{key}_preset_{title}")
    controls = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    for one in fields(FeatureSettings):
        name = f"{key}_{one.name}"
        if one.name in view.controls:
            with controls:
                control(
                    FeatureSettings,
                    one.name,
                    key=name,
                    label=_LABELS[one.name],
                    suggestions=_WINDOWS if one.name == "n_fft" else (),
                    placeholder="all",
                )
        else:  # Streamlit forgets what no widget shows
            st.session_state[name] = st.session_state[name]
    try:
        settings = FeatureSettings(
            **{one.name: st.session_state[f"{key}_{one.name}"] for one in fields(FeatureSettings)}
        )
        found = view_problems(view.key, waveform, settings)
    except LabError as error:
        st.error(formatting.plain(str(error)), icon=":material/error:")
        return None
    for problem in found:
        _problem(problem, key)
    if found:
        return None
    if "n_fft" in view.controls:
        _resolution(settings, waveform.sample_rate)
    return settings


def _put(key: str, settings: FeatureSettings) -> None:
    for name, value in asdict(settings).items():
        st.session_state[f"{key}_{name}"] = value


def _problem(problem: SettingProblem, key: str) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    row.error(formatting.plain(problem.sentence), icon=":material/error:")
    row.button(
        f"Use {problem.nearest:g}",
        key=f"{key}_nearest_{problem.field}",
        on_click=_use,
        args=(f"{key}_{problem.field}", problem.nearest),
    )


def _use(key: str, value: float) -> None:
    st.session_state[key] = value


def _resolution(settings: FeatureSettings, sample_rate: int) -> None:
    seen = settings.resolution(sample_rate)
    st.caption(
        f"Each window sees **{seen.window_ms:.3g} ms** of sound, a new one begins every "
        f"**{seen.hop_ms:.3g} ms**, and frequencies **{seen.bin_hz:.3g} Hz** apart can be told "
        "apart. Halve the one, and you double the other."
    )


def other_settings(view: View, waveform: Waveform) -> FeatureSettings | None:
    """A second set of controls, to compare with; it begins with twice the window."""
    start = replace(SOURCE_LAB, n_fft=256, hop_length=80, n_mels=32)
    return choose_settings(view, waveform, key="other", preset=start)
