"""The workspace of the current visitor: one for everyone locally, a private one in public mode.

With `LAB_MODE=public` (an environment variable, or a secret on Streamlit Community Cloud), each
visitor gets a workspace of their own. A cookie finds it again after a reload, and it is removed a
day after its last use.
"""

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

import streamlit as st

from lab.core.errors import WorkspaceError
from lab.core.workspace import TOKEN, VISITORS, Workspace, remove

MODE_VARIABLE = "LAB_MODE"
KEPT_HOURS = 24

_COOKIE = "lab_visitor"


def is_public() -> bool:
    return os.environ.get(MODE_VARIABLE, "local") == "public"


def visitor_workspace() -> Workspace:
    """The workspace of the visitor who opened the page."""
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
    """The visitor's secret token, from the session or else the cookie; a new one if both fail."""
    if _COOKIE not in st.session_state:
        cookie = _read_cookie()
        st.session_state[_COOKIE] = cookie if TOKEN.fullmatch(cookie) else secrets.token_hex(16)
    token = str(st.session_state[_COOKIE])
    # Safe to insert into a script: the token is hexadecimal, generated or checked above.
    st.html(
        f"<script>document.cookie = '{_COOKIE}={token}; path=/; SameSite=Lax; "
        f"max-age={KEPT_HOURS * 3600}'</script>",
        unsafe_allow_javascript=True,
    )
    return token


def _read_cookie() -> str:
    return st.context.cookies.get(_COOKIE, "")


def _remove_expired(visitors: Path) -> None:
    oldest = time.time() - KEPT_HOURS * 3600
    for folder in visitors.iterdir():
        # Another visitor's request may be removing the same folder.
        with suppress(FileNotFoundError, WorkspaceError):
            if folder.stat().st_mtime < oldest:
                remove(folder)
