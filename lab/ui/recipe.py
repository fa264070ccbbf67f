"""The recipe of the Prepare page: presets, steps to switch on and off, and their settings."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import streamlit as st

from lab.core.errors import LabError, OptionsError
from lab.preprocess.recipe import AS_IT_IS, SOURCE_LAB, WHISPER, Recipe, Step, step_types
from lab.ui import words
from lab.ui.controls import control

_PRESETS = {"Whisper": WHISPER, "Source lab": SOURCE_LAB, "As it is": AS_IT_IS}
_TITLES = {
    "channel": "Mono",
    "resample": "Sample rate",
    "remove_offset": "Centre the wave",
    "high_pass": "Remove rumble",
    "remove_hum": "Remove hum",
    "reduce_noise": "Reduce noise",
    "trim": "Trim silent edges",
    "level": "Set the level",
    "split": "Split into clips",
    "bit_depth": "Bit depth",
}
# What a setting is called, and what it does where the name does not say it.
_SETTINGS = {
    "number": ("Channel", ""),
    "sample_rate": ("Rate", "Whisper listens at 16,000; the source lab asks 22,050."),
    "cutoff_hz": ("Below (Hz)", "What is lower goes. The lowest voices begin at about 80 Hz."),
    "mains_hz": ("Mains (Hz)", "60 in the Americas and parts of Asia, 50 elsewhere."),
    "harmonics": ("Overtones", "How many multiples of the mains go, itself counted."),
    "kind": ("Kind of noise", "Steady: a fan, hiss. Changing: traffic, wind."),
    "strength": ("Strength", "0 leaves all noise, 1 takes away as much as can be."),
    "noise_start_s": ("Noise from (s)", "Empty: the quietest moment is taken."),
    "noise_end_s": ("Noise to (s)", ""),
    "top_db": ("Silence (dB)", "What is quieter than the loudest moment by so much."),
    "keep_s": ("Kept (s)", "So much silence stays before and after."),
    "measure": ("Measured as", "Loudness as people hear it (LUFS), or the single highest sample."),
    "target_db": ("Target (dB)", "LUFS where loudness is measured, dBFS for the peak."),
    "ceiling_dbfs": ("Ceiling (dBFS)", "No sample goes beyond, so that nothing is distorted."),
    "by": ("Pauses found by", "Speech: a detector of voices. Silence: the level alone."),
    "min_s": ("Shortest clip (s)", ""),
    "max_s": ("Longest clip (s)", ""),
    "margin_s": ("Margin (s)", "What is kept before and after the speech."),
    "min_pause_s": ("A pause lasts (s)", "A pause of this length starts a new clip."),
    "silence_dbfs": (
        "Silence (dBFS)",
        "Only where pauses are found by silence.",
    ),
    "bits": ("Bits a sample", ""),
}
_ALL_CHANNELS = 0  # where a recipe has None, which a select box takes for no choice
_CHOICES: dict[str, tuple[Sequence[int], Callable[[Any], str]]] = {
    "sample_rate": (
        (8_000, 16_000, 22_050, 24_000, 44_100, 48_000),
        lambda rate: f"{rate:,} Hz",
    ),
    "number": (
        (_ALL_CHANNELS, 1, 2, 3, 4, 5, 6, 7, 8),
        lambda number: f"Channel {number}" if number else "Mix of all",
    ),
}


def choose_recipe() -> Recipe | None:
    """Let the person put a recipe together; None while its settings contradict each other."""
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
    for name, kind in step_types().items():
        _step(name, kind)
    if problem:
        st.error(words.plain(problem), icon=":material/error:")
    _file(recipe)
    return recipe


def set_recipe(recipe: Recipe) -> None:
    """Put a recipe into the widgets; to be called before they are drawn, as a callback is."""
    for name, kind in step_types().items():
        step = getattr(recipe, name)
        st.session_state[f"recipe_{name}"] = step is not None
        for one in fields(kind):
            value = getattr(step or kind(), one.name)
            hint = get_type_hints(kind)[one.name]
            if value is not None and float in (hint, *get_args(hint)):
                value = float(value)  # a file may say 1 where the field shows 1.0
            if one.name == "number":
                value = value or _ALL_CHANNELS
            st.session_state[_key(name, one.name)] = value


def switch_on(name: str, **settings: object) -> None:
    """Switch a step on, with some of its settings; to be called as a callback is."""
    st.session_state[f"recipe_{name}"] = True
    for one, value in settings.items():
        st.session_state[_key(name, one)] = value


def _recipe() -> Recipe:
    """What the widgets say; raises OptionsError."""
    steps: dict[str, Any] = {
        name: kind(**{one.name: _value(name, one.name) for one in fields(kind)})
        for name, kind in step_types().items()
        if st.session_state[f"recipe_{name}"]
    }
    return Recipe(**steps)


def _value(step: str, setting: str) -> Any:
    value = st.session_state[_key(step, setting)]
    return None if setting == "number" and value == _ALL_CHANNELS else value


def _key(step: str, setting: str) -> str:
    return f"recipe_{step}_{setting}"


def _step(name: str, kind: type[Step]) -> None:
    with st.container(gap="xxsmall"):
        is_on = st.toggle(f"**{_TITLES[name]}**", key=f"recipe_{name}", persist_state="session")
        st.caption(kind.about)
    settings = fields(kind)
    if not settings:
        return
    if not is_on:
        for one in settings:  # Streamlit forgets what no widget shows
            st.session_state[_key(name, one.name)] = st.session_state[_key(name, one.name)]
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        for one in settings:
            _setting(name, kind, one.name)


def _setting(step: str, kind: type[Step], name: str) -> None:
    label, help_text = _SETTINGS[name]
    choices, wording = _CHOICES.get(name, ((), str))
    control(
        kind,
        name,
        key=_key(step, name),
        label=label,
        help_text=help_text,
        choices=choices,
        wording=wording,
        when_empty="auto",
    )


def _file(recipe: Recipe | None) -> None:
    with st.popover("Recipe file", icon=":material/receipt_long:", width="stretch"):
        st.markdown("Keep a recipe, or use one that was kept. It lies beside all clips, too.")
        st.download_button(
            "Download this recipe",
            data=recipe.to_yaml() if recipe else "",
            file_name="recipe.yaml",
            mime="application/yaml",
            disabled=recipe is None,
            on_click="ignore",
            icon=":material/download:",
        )
        st.file_uploader(
            "Use a recipe", type=["yaml", "yml"], key="recipe_file", on_change=_load_file
        )
        if problem := st.session_state.get("recipe_file_problem"):
            st.error(words.plain(problem), icon=":material/error:")


def _load_file() -> None:
    uploaded = st.session_state["recipe_file"]
    st.session_state["recipe_file_problem"] = ""
    if uploaded is None:
        return
    try:
        set_recipe(Recipe.from_yaml(uploaded.getvalue().decode("utf-8", "replace")))
    except LabError as error:
        st.session_state["recipe_file_problem"] = str(error)
