"""Widgets for settings that are declared with `lab.core.settings`."""

import math
from collections.abc import Callable, Collection, Iterable
from typing import Any

import streamlit as st

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
    """Let the person choose a tab of the page, at first the first one; the URL remembers it."""
    names = list(tabs)
    return str(
        st.segmented_control(
            "Tab",
            names,
            default=names[0],
            required=True,
            key=key,
            bind="query-params",
            label_visibility="collapsed",
        )
    )


def _step(high: float) -> float:
    """Increment of the plus and minus buttons, by the maximum of the setting."""
    return 0.1 if 0 < high <= 10 else 1.0
