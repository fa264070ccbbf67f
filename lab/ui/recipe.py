"""The recipe on the Prepare page: presets, steps to switch on and off, and their settings."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from lab.core.errors import OptionsError
from lab.core.settings import SettingInfo
from lab.preprocess.recipe import AS_IS, SOURCE_LAB, WHISPER, Recipe
from lab.ui.controls import control
from lab.ui.feedback import show_error
from lab.ui.settings_file import settings_file

_PRESETS = {"Whisper": WHISPER, "Source lab": SOURCE_LAB, "Unchanged": AS_IS}
_TITLES = {
    "channel": "Mono",
    "resample": "Sample rate",
    "remove_dc_offset": "Remove DC offset",
    "high_pass": "Remove rumble (high-pass filter)",
    "remove_hum": "Remove hum",
    "reduce_noise": "Reduce noise",
    "trim": "Trim leading and trailing silence",
    "level": "Normalise loudness",
    "split": "Split into clips",
    "bit_depth": "Bit depth",
}
_LABELS = {
    "number": "Channel",
    "sample_rate": "Rate",
    "cutoff_hz": "Cutoff (Hz)",
    "mains_hz": "Mains (Hz)",
    "harmonics": "Harmonics",
    "kind": "Kind of noise",
    "strength": "Strength",
    "noise_start_s": "Noise from (s)",
    "noise_end_s": "Noise to (s)",
    "top_db": "Threshold (dB)",
    "keep_s": "Keep (s)",
    "measure": "Measure",
    "target_db": "Target (dB)",
    "ceiling_dbfs": "Peak limit (dBFS)",
    "by": "Detect by",
    "min_s": "Min. length (s)",
    "max_s": "Max. length (s)",
    "margin_s": "Margin (s)",
    "min_pause_s": "Min. pause (s)",
    "silence_dbfs": "Silence (dBFS)",
    "bits": "Bits per sample",
}
_ALL_CHANNELS = 0  # instead of None, which a select box shows as “nothing selected”
# Common values, and how they are displayed.
_SUGGESTIONS: dict[str, tuple[Sequence[int], Callable[[Any], str]]] = {
    "sample_rate": ((8_000, 16_000, 22_050, 24_000, 44_100, 48_000), lambda rate: f"{rate:,} Hz"),
    "number": (
        (_ALL_CHANNELS, 1, 2, 3, 4, 5, 6, 7, 8),
        lambda number: f"Channel {number}" if number else "Mix of all",
    ),
}


def choose_recipe() -> Recipe | None:
    """Let the person compose a recipe; None while its settings contradict each other."""
    if "recipe_split" not in st.session_state:
        set_recipe(SOURCE_LAB)
    try:
        recipe, problem = _recipe(), ""
    except OptionsError as error:
        recipe, problem = None, str(error)
    row = st.container(horizontal=True, gap="xsmall", key="presets")
    for title, preset in _PRESETS.items():
        row.button(
            title,
            type="primary" if recipe == preset else "secondary",
            on_click=set_recipe,
            args=(preset,),
            key=f"preset_{title}",
        )
    for name, info in Recipe.schema().items():
        _step(name, info)
    if problem:
        show_error(problem)
    settings_file(
        Recipe,
        recipe,
        file_name="recipe.yaml",
        about="Save this recipe or use a saved one. Every preparation keeps its recipe, too.",
        on_load=set_recipe,
    )
    return recipe


def set_recipe(recipe: Recipe) -> None:
    """Set the widgets to a recipe; call it before they are drawn, for example in a callback."""
    for name, info in Recipe.schema().items():
        step = getattr(recipe, name)
        st.session_state[f"recipe_{name}"] = step is not None
        for setting, value in vars(step or info.type()).items():
            if setting == "number":
                value = value or _ALL_CHANNELS
            st.session_state[_key(name, setting)] = value


def switch_on(name: str, **settings: object) -> None:
    """Switch a step on and change some of its settings, in a callback."""
    st.session_state[f"recipe_{name}"] = True
    for setting, value in settings.items():
        st.session_state[_key(name, setting)] = value


def _recipe() -> Recipe:
    """Return the recipe that the widgets show; raises OptionsError if it is invalid."""
    steps: dict[str, Any] = {
        name: info.type(**{setting: _value(name, setting) for setting in info.type.schema()})
        for name, info in Recipe.schema().items()
        if st.session_state[f"recipe_{name}"]
    }
    return Recipe(**steps)


def _value(step: str, setting: str) -> Any:
    value = st.session_state[_key(step, setting)]
    return None if setting == "number" and value == _ALL_CHANNELS else value


def _key(step: str, setting: str) -> str:
    return f"recipe_{step}_{setting}"


def _step(name: str, info: SettingInfo) -> None:
    with st.container(gap="xxsmall"):
        is_on = st.toggle(f"**{_TITLES[name]}**", key=f"recipe_{name}", persist_state="session")
        st.caption(info.help_text)
    settings = info.type.schema()
    if not settings:
        return
    if not is_on:
        for setting in settings:  # Streamlit drops the value of a widget that is not drawn
            st.session_state[_key(name, setting)] = st.session_state[_key(name, setting)]
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        for setting in settings:
            suggestions, format_func = _SUGGESTIONS.get(setting, ((), str))
            control(
                info.type,
                setting,
                key=_key(name, setting),
                label=_LABELS[setting],
                suggestions=suggestions,
                format_func=format_func,
                placeholder="auto",
            )
