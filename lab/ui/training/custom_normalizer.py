"""Let the person choose the custom normalizer: which differences do not count as errors."""

from dataclasses import replace
from typing import get_args

import streamlit as st

from lab.core.errors import OptionsError
from lab.evaluation import CUSTOM
from lab.scoring import Normalizer
from lab.scoring.normalizer import InsideWord, parse_normalizer
from lab.ui.feedback import show_error

_SWITCHES = {
    "case": ("Ignore case", None),
    "punctuation": ("Ignore punctuation", None),
    "notes": ("Ignore text in brackets", None),
    "unicode": (
        "Unify Unicode (NFKC)",
        "Treat letters that can be encoded in several ways as the same.",
    ),
    "diacritics": (
        "Ignore diacritics (ë = e)",
        "Almost always wrong: in most languages these are different letters.",
    ),
}
_INSIDE_WORDS = {"apostrophes": "Apostrophes inside words", "hyphens": "Hyphens inside words"}
_HOW = {"keep": "Keep", "join": "Remove, join the parts", "split": "Replace with a space"}


def choose_normalizer(*, key: str) -> Normalizer | None:
    """Let the person choose the custom normalizer; None while their input is invalid."""
    with st.popover("Custom normalizer", icon=":material/rule:"):
        st.markdown(
            "Choose what the “custom” columns ignore. The scores change at once; nothing is "
            "transcribed again."
        )
        settings: dict[str, bool | str] = {}
        for name, (label, help_text) in _SWITCHES.items():
            settings[name] = st.toggle(
                label,
                getattr(CUSTOM, name),
                key=f"custom_{name}_{key}",
                persist_state="session",
                help=help_text,
            )
        choices = list(get_args(InsideWord))
        for name, label in _INSIDE_WORDS.items():
            settings[name] = st.selectbox(
                label,
                choices,
                index=choices.index(getattr(CUSTOM, name)),
                format_func=_HOW.__getitem__,
                key=f"custom_{name}_{key}",
                persist_state="session",
            )
        replacements = st.text_input(
            "Equivalent spellings",
            key=f"custom_replacements_{key}",
            persist_state="session",
            placeholder="w>v, dmth>domethënë",
        )
        try:
            return replace(parse_normalizer(replacements), **settings)  # type: ignore[arg-type]
        except OptionsError as error:
            show_error(error)
            return None
