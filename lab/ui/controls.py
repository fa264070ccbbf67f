"""Widgets for settings declared with `lab.core.settings`, and for choosing one of some names."""

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import streamlit as st

from lab.core.languages import LANGUAGES
from lab.core.settings import Settings

_WIDTH = 125


def control(
    kind: type[Settings],
    name: str,
    *,
    key: str,
    label: str,
    suggestions: Collection[Any] = (),
    choices: Collection[Any] = (),
    format_func: Callable[[Any], str] = str,
    placeholder: str = "",
    width: int = _WIDTH,
) -> None:
    """Show the widget of the setting `name` of `kind`; `st.session_state[key]` must hold its value.

    suggestions: common values to choose from instead of typing a number
    choices: those of the setting's choices that are available here; all if empty
    format_func: how a suggestion is displayed
    placeholder: what an empty number field means
    width: pixels
    """
    info = kind.schema()[name]
    common: dict[str, Any] = {
        "key": key,
        "help": info.help_text or None,
        "persist_state": "session",
        "width": width,
    }
    if info.choices:
        st.selectbox(
            label,
            choices or info.choices,
            format_func=lambda choice: str(choice).capitalize(),
            **common,
        )
    elif suggestions:
        # A file may hold a value that is not among the suggestions.
        options = list(dict.fromkeys([*suggestions, st.session_state[key]]))
        st.selectbox(label, options, format_func=format_func, **common)
    else:
        st.number_input(
            label,
            min_value=info.type(info.low),
            max_value=info.type(info.high) if math.isfinite(info.high) else None,
            step=1 if info.type is int else _step(info.high),
            placeholder=placeholder or None,
            **common,
        )


def choose_tab(tabs: Iterable[str], *, key: str) -> str:
    """Let the person choose a tab of the page, initially the first; the URL remembers it."""
    return choose_view("Tab", list(tabs), key=key, bind="query-params")


def choose_view(
    label: str, names: Sequence[str], *, key: str, initial: int = 0, **options: Any
) -> str:
    """Show a row of buttons of which one is always selected.

    label: for screen readers only
    initial: index of the name that is selected at first
    options: as for `st.segmented_control`
    """
    # Streamlit warns of a default value for a widget whose value was set by `open_view`.
    is_open = st.session_state.pop(f"{key}_opened", False) and key in st.session_state
    return str(
        st.segmented_control(
            label,
            names,
            default=None if is_open else names[initial],
            required=True,
            key=key,
            label_visibility="collapsed",
            **options,
        )
    )


def open_view(name: str, *, key: str) -> None:
    """Select one of the names of `choose_view`, or of `choose_tab`, from the next rerun on."""
    st.session_state[key] = name
    st.session_state[f"{key}_opened"] = True


def choose_language(initial: str = "", **options: Any) -> str | None:
    """Let the person choose a language; returns Whisper's code, None if none is chosen.

    initial: code of the language that is selected at first; "" for none
    options: as for `st.selectbox`
    """
    codes = sorted(LANGUAGES, key=LANGUAGES.__getitem__)
    return st.selectbox(
        "Spoken language",
        codes,
        index=codes.index(initial) if initial else None,
        format_func=LANGUAGES.__getitem__,
        placeholder="Choose a language",
        **options,
    )


def choose_remembered(label: str, names: Sequence[str], *, param: str, **options: Any) -> str:
    """Let the person choose one of the names; the URL and the session remember it.

    param: the query parameter; a name in it that does not exist is ignored
    options: as for `st.selectbox`
    """
    requested = remembered(param)
    index = names.index(requested) if requested in names else 0
    name = str(st.selectbox(label, names, index=index, **options))
    remember(param, name)
    return name


def remembered(param: str) -> str:
    """The name that was chosen last; "" if none."""
    return str(st.query_params.get(param) or st.session_state.get(f"last_{param}", ""))


def remember(param: str, name: str) -> None:
    """Choose a name, for `choose_remembered` to show after the next rerun."""
    st.query_params[param] = st.session_state[f"last_{param}"] = name


def _step(high: float) -> float:
    """Increment of the plus and minus buttons, by the maximum of the setting."""
    return 0.1 if 0 < high <= 10 else 1.0
