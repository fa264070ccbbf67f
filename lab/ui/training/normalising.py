"""What counts as the same, as the person wants it: the custom normalizer."""

from dataclasses import replace
from typing import get_args

import streamlit as st

from lab.core.errors import OptionsError
from lab.evaluation import CUSTOM
from lab.scoring import Normalizer
from lab.scoring.normalizer import InsideWord, parse_normalizer
from lab.ui import formatting

_SWITCHES = {
    "case": "Capital and small letters",
    "punctuation": "With and without punctuation",
    "notes": "With and without what stands in brackets",
    "unicode": "Letters that can be written in two ways (Unicode)",
    "diacritics": "Letters with and without marks, as ë and e",
}
_INSIDE = {"apostrophes": "Apostrophes inside of words", "hyphens": "Hyphens inside of words"}
_HOW = {"keep": "count", "join": "are left out, the parts joined", "split": "are spaces"}


def choose_custom(*, key: str) -> Normalizer | None:
    """The custom normalizer; None while what was typed cannot be used."""
    with st.popover("What counts as the same", icon=":material/rule:"):
        st.markdown("For the columns called custom. Nothing has to be heard again.")
        settings: dict[str, bool | str] = {}
        for name, title in _SWITCHES.items():
            settings[name] = st.toggle(
                title,
                getattr(CUSTOM, name),
                key=f"custom_{name}_{key}",
                persist_state="session",
                help="Almost always wrong: in most languages these are letters of their own."
                if name == "diacritics"
                else None,
            )
        for name, title in _INSIDE.items():
            hows = list(get_args(InsideWord))
            settings[name] = st.selectbox(
                title,
                hows,
                index=hows.index(getattr(CUSTOM, name)),
                format_func=_HOW.__getitem__,
                key=f"custom_{name}_{key}",
                persist_state="session",
            )
        typed = st.text_input(
            "Spellings that are the same",
            key=f"custom_replacements_{key}",
            persist_state="session",
            placeholder="w>v, dmth>domethënë",
        )
        try:
            return replace(parse_normalizer(typed), **settings)  # type: ignore[arg-type]
        except OptionsError as error:
            st.error(formatting.plain(str(error)), icon=":material/error:")
            return None
