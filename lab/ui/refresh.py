"""Running a fragment again after a while, as long as its tab is in front.

Streamlit's own `run_every` is a fixed clock in the browser: it ticks in the background too, and
asks again while the last answer is still on its way, which starves a busy server. Here each answer
says when the next question is due, so that the pace can slow down, end, and never overtakes the
server. A tab in the background asks nothing; brought to the front, it asks at once.
"""

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import streamlit as st

COMPONENT, EVENT = "lab_refresh", "due"

# Streamlit calls this whenever the page is drawn, perhaps twice for the same; only another
# `asked_at` is another question.
_JS = """
const MOST_RETRY_S = 30, PAUSE_S = 0.1, MOST_PAUSES = 50;

// What a run has drawn is lost if another one begins before all of it is here.
const isRunning = () => {
  const state = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState;
  return state !== undefined && state !== "notRunning";
};

export default function ({ data, parentElement, setTriggerValue }) {
  const clock = (parentElement.labRefresh ??= {});
  clock.end?.();
  if (clock.askedAt !== data.asked_at) {
    clock.askedAt = data.asked_at;
    clock.due = Date.now() + 1000 * data.delay_s;
    clock.retryS = 2 + data.delay_s;
    clock.pauses = 0;
  }
  let timer;
  const arm = () => {
    clearTimeout(timer);
    if (document.hidden) return;  // `visibilitychange` arms it again
    timer = setTimeout(ask, Math.max(clock.due - Date.now(), 0));
  };
  const ask = () => {
    if (isRunning() && clock.pauses++ < MOST_PAUSES) {
      clock.due = Date.now() + 1000 * PAUSE_S;
      return arm();
    }
    // The answer may be lost, with the connection, or because another run began just then.
    clock.due = Date.now() + 1000 * clock.retryS;
    clock.retryS = Math.min(2 * clock.retryS, MOST_RETRY_S);
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
    """Have the fragment that calls this run again in `delay_s` seconds, once.

    Outside of a fragment it is the whole page that runs again.
    """
    _component()(
        key=key,
        data={"asked_at": time.monotonic(), "delay_s": delay_s},
        height=1,
        on_due_change=_ignore,
    )


def pace(waited_s: float, *, least_s: float = 0.12, most_s: float = 2.0) -> float:
    """Seconds until it is worth looking again for what one has waited for.

    A seventh of the time that has passed: what takes a second is seen a moment after its end, and
    what takes an hour is not asked for thousands of times.
    """
    return min(max(waited_s / 7, least_s), most_s)


def _ignore() -> None:
    """Streamlit tells an event only to those that have a callback for it."""
