"""The widget for a setting: its limits, or the words to choose from, are in `lab.core.settings`."""

import math
from collections.abc import Callable, Collection
from typing import Any, Literal, get_args, get_origin, get_type_hints

import streamlit as st

from lab.core.settings import limits

_WIDTH = 125


def control(
    settings: type,
    name: str,
    *,
    key: str,
    label: str,
    help_text: str = "",
    choices: Collection[Any] = (),
    offered: Collection[Any] = (),
    wording: Callable[[Any], str] = str,
    when_empty: str = "",
    width: int = _WIDTH,
) -> None:
    """A widget whose value is `st.session_state[key]`, which has to be there already.

    settings, name: the dataclass, and its field
    choices: usual values; without them a number is typed
    offered: which of the field's words can be chosen here; without them all can
    wording: how a choice is shown
    when_empty: what a number means that is not given
    width: pixels
    """
    common: dict[str, Any] = {"key": key, "help": help_text or None, "persist_state": "session"}
    hint = get_type_hints(settings)[name]
    if get_origin(hint) is Literal:
        words = offered or get_args(hint)
        st.selectbox(
            label, words, format_func=lambda one: str(one).capitalize(), **common, width=width
        )
    elif choices:
        # A file may bring one that is not usual.
        offered = list(dict.fromkeys([*choices, st.session_state[key]]))
        st.selectbox(label, offered, format_func=wording, width=width, **common)
    else:
        low, high = limits(settings, name)
        number = float if float in (hint, *get_args(hint)) else int
        st.number_input(
            label,
            min_value=number(low),
            max_value=number(high) if math.isfinite(high) else None,
            step=1 if number is int else _step(high),
            width=width,
            placeholder=when_empty or None,
            **common,
        )


def _step(high: float) -> float:
    """How far a click on plus or minus goes, by the highest value there is."""
    return 0.1 if 0 < high <= 10 else 1.0
