"""A page with a fragment that reruns itself 14 times, for `test_refresh.py`."""

import streamlit as st

from lab.ui.refresh import refresh_in

st.markdown("above")


@st.fragment
def fragment() -> None:
    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    st.markdown(f"fragment runs: {st.session_state['runs']}")
    if st.session_state["runs"] < 15:
        refresh_in(0.2, key="refresh")


fragment()
st.session_state["page_runs"] = st.session_state.get("page_runs", 0) + 1
st.markdown(f"page runs: {st.session_state['page_runs']}")
st.button("Run again")
