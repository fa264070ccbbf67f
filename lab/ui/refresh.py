"""Rerun a fragment after a delay, as long as its tab is visible.

Streamlit's own `run_every` is a fixed timer in the browser: it also ticks in background tabs, and
fires again while the last response is still on its way, which overloads a busy server. Here each
run schedules the next one, so the interval can grow or end and never overtakes the server. A hidden
tab sends nothing; once visible again, it reruns at once.
"""

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

COMPONENT, EVENT = "lab_refresh", "due"


@cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component(
        COMPONENT, js=Path(__file__).with_suffix(".js").read_text("utf-8")
    )


def refresh_in(delay_s: float, *, key: str) -> None:
    """Rerun the calling fragment once, `delay_s` seconds from now.

    Outside a fragment, the whole page is rerun.
    """
    _component()(
        key=key,
        data={"scheduled_at": time.monotonic(), "delay_s": delay_s},
        height=1,
        on_due_change=lambda: None,  # Streamlit delivers an event only if there is a callback
    )


def refresh_delay(waited_s: float, *, min_s: float = 0.12, max_s: float = 2.0) -> float:
    """The delay, in seconds, before checking again for something awaited since `waited_s` seconds.

    A seventh of the time waited, so the end of a short job shows almost at once and an hour-long
    job is not polled thousands of times.
    """
    return min(max(waited_s / 7, min_s), max_s)
