"""Sentences to read aloud, shown above the microphone one at a time."""

import streamlit as st

from lab.recordings.prompts import read_prompts
from lab.ui import formatting
from lab.ui.downloads import upload_field

_PROMPTS, _INDEX = "prompts", "prompt_index"


def choose_sentence() -> str:
    """Show the sentence to read aloud and return it; "" if no sentences were uploaded."""
    with st.popover("Sentences to read", icon=":material/format_list_numbered:"):
        label = "Text file with one sentence per line"
        upload_field(label, ["txt"], key="prompts_file", on_load=_load)
    prompts: list[str] = st.session_state.get(_PROMPTS, [])
    if not prompts:
        return ""
    index: int = st.session_state.setdefault(_INDEX, 0)
    st.markdown(f"#### {formatting.escape(prompts[index])}")
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    row.button("Back", icon=":material/arrow_back:", on_click=_go, args=(-1,), disabled=index == 0)
    row.button(
        "Next",
        icon=":material/arrow_forward:",
        on_click=_go,
        args=(1,),
        disabled=index == len(prompts) - 1,
    )
    row.caption(f"{index + 1} of {len(prompts)}")
    return prompts[index]


def _go(steps: int) -> None:
    st.session_state[_INDEX] += steps


def _load(content: bytes | None) -> None:
    st.session_state[_PROMPTS], st.session_state[_INDEX] = [], 0
    if content is not None:
        st.session_state[_PROMPTS] = read_prompts(content)
