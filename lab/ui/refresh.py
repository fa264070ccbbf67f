"""Rerun a fragment after a delay, as long as its tab is visible.

Streamlit's own `run_every` is a fixed timer in the browser: it also ticks in background tabs, and
fires again while the last response is still on its way, which overloads a busy server. Here each
run schedules the next one, so the interval can grow or end and never overtakes the server. A hidden
tab sends nothing; once visible again, it reruns at once.
"""

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import streamlit as st

COMPONENT, EVENT = "lab_refresh", "due"

# Streamlit calls this on every draw of the page, possibly twice for the same data; only a new
# `scheduled_at` starts a new timer.
_JS = """
const MAX_RETRY_S = 30, PAUSE_S = 0.1, MAX_PAUSES = 50;

// Whatever a run has drawn is lost if another run starts before all of it has arrived.
const isRunning = () => {
  const state = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState;
  return state !== undefined && state !== "notRunning";
};

export default function ({ data, parentElement, setTriggerValue }) {
  const clock = (parentElement.labRefresh ??= {});
  clock.end?.();
  if (clock.scheduledAt !== data.scheduled_at) {
    clock.scheduledAt = data.scheduled_at;
    clock.due = Date.now() + 1000 * data.delay_s;
    clock.retryS = 2 + data.delay_s;
    clock.pauses = 0;
  }
  let timer;
  const arm = () => {
    clearTimeout(timer);
    if (document.hidden) return;  // `visibilitychange` arms it again
    timer = setTimeout(request, Math.max(clock.due - Date.now(), 0));
  };
  const request = () => {
    if (isRunning() && clock.pauses++ < MAX_PAUSES) {
      clock.due = Date.now() + 1000 * PAUSE_S;
      return arm();
    }
    // Retry: the response may be lost with the connection, or because another run just started.
    clock.due = Date.now() + 1000 * clock.retryS;
    clock.retryS = Math.min(2 * clock.retryS, MAX_RETRY_S);
    setTriggerValue("due", true);
    arm();
  };
  clock.end = () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", arm);
  };
  document.addEventListener("visibilitychange", arm);
  arm();
  return clock.end;
}
"""


@cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component(COMPONENT, js=_JS)


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
