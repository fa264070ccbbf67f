"""A page whose fragment runs again and again; what it does is looked at by `test_refresh.py`."""

import streamlit as st

from lab.ui.refresh import refresh_in

st.markdown("above")


@st.fragment
def look() -> None:
    st.session_state["looks"] = st.session_state.get("looks", 0) + 1
    st.markdown(f"looked {st.session_state['looks']} times")
    if st.session_state["looks"] < 15:
        refresh_in(0.2, key="again")


look()
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.markdown(f"whole page run {st.session_state['runs']} times")
st.button("Run it again")
