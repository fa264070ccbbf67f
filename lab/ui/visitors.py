"""Whose workspace it is: everybody's on one's own machine, a private one a visitor in public.

`LAB_MODE=public` (an environment variable, or a secret on Streamlit Community Cloud) gives every
visitor a workspace of their own, which a cookie finds again after a reload and which is removed a
day after it was last used.
"""

import os
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

import streamlit as st

from lab.core.workspace import TOKEN, VISITORS, Workspace

MODE_VARIABLE = "LAB_MODE"
KEPT_HOURS = 24

_COOKIE = "lab_visitor"


def is_public() -> bool:
    return os.environ.get(MODE_VARIABLE, "local") == "public"


def visitor_workspace() -> Workspace:
    """The workspace of whoever is looking at the page."""
    workspace = Workspace.default()
    if not is_public():
        return workspace
    visitors = workspace.root / VISITORS
    own = visitors / _token()
    own.mkdir(parents=True, exist_ok=True)
    os.utime(own)
    _remove_expired(visitors)
    return Workspace(own)


def _token() -> str:
    """The visitor's secret: of this session, else of their cookie, else a new one."""
    if _COOKIE not in st.session_state:
        brought = _cookie()
        token = brought if TOKEN.fullmatch(brought) else secrets.token_hex(16)
        st.session_state[_COOKIE] = token
    token = str(st.session_state[_COOKIE])
    # The token is hexadecimal and ours or checked above: it cannot be anything but text here.
    st.html(
        f"<script>document.cookie = '{_COOKIE}={token}; path=/; SameSite=Lax; "
        f"max-age={KEPT_HOURS * 3600}'</script>",
        unsafe_allow_javascript=True,
    )
    return token


def _cookie() -> str:
    return st.context.cookies.get(_COOKIE, "")


def _remove_expired(visitors: Path) -> None:
    oldest = time.time() - KEPT_HOURS * 3600
    for folder in visitors.iterdir():
        # Another visitor's page may be removing the same one.
        with suppress(FileNotFoundError):
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
