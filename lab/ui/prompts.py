"""Sentences to read aloud: shown above the microphone, one at a time."""

import streamlit as st

from lab.core.errors import LabError
from lab.recordings.prompts import read_prompts
from lab.ui import words

_PROMPTS, _AT = "prompts", "prompt_at"


def choose_sentence() -> str:
    """Show the sentence that is to be read; empty if there are none."""
    with st.popover("Sentences to read", icon=":material/format_list_numbered:"):
        st.file_uploader(
            "A text file, one sentence a line", type=["txt"], key="prompts_file", on_change=_load
        )
        if problem := st.session_state.get("prompts_problem"):
            st.error(words.plain(problem), icon=":material/error:")
    prompts: list[str] = st.session_state.get(_PROMPTS, [])
    if not prompts:
        return ""
    at: int = st.session_state.setdefault(_AT, 0)
    st.markdown(f"#### {words.plain(prompts[at])}")
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    row.button("Back", icon=":material/arrow_back:", on_click=_go, args=(-1,), disabled=at == 0)
    row.button(
        "Next",
        icon=":material/arrow_forward:",
        on_click=_go,
        args=(1,),
        disabled=at == len(prompts) - 1,
    )
    row.caption(f"{at + 1} of {len(prompts)}")
    return prompts[at]


def _go(steps: int) -> None:
    st.session_state[_AT] += steps


def _load() -> None:
    uploaded = st.session_state["prompts_file"]
    st.session_state["prompts_problem"] = ""
    st.session_state[_PROMPTS], st.session_state[_AT] = [], 0
    if uploaded is not None:
        try:
            st.session_state[_PROMPTS] = read_prompts(uploaded.getvalue())
        except LabError as error:
            st.session_state["prompts_problem"] = str(error)
