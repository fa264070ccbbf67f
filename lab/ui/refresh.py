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

# Streamlit calls this whenever the page is drawn; only another `asked_at` is another question.
_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const waiting = (parentElement.labRefresh ??= {});
  if (waiting.askedAt === data.asked_at) return waiting.end;
  waiting.end?.();
  waiting.askedAt = data.asked_at;
  let timer, retry_s = Math.max(1, 2 * data.delay_s);
  const wait = (seconds) => { timer = setTimeout(ask, seconds * 1000); };
  const ask = () => {
    if (document.hidden) return;  // `onFront` asks
    setTriggerValue("due", true);
    // The answer may be lost, with the connection, or because another run began just then.
    wait(retry_s);
    retry_s *= 2;
  };
  const due = Date.now() + data.delay_s * 1000;
  const onFront = () => {
    if (document.hidden) return;
    clearTimeout(timer);
    wait(Math.max(due - Date.now(), 0) / 1000);
  };
  document.addEventListener("visibilitychange", onFront);
  waiting.end = () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", onFront);
  };
  wait(data.delay_s);
  return waiting.end;
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


def pace(waited_s: float, *, least_s: float = 0.15, most_s: float = 2.0) -> float:
    """Seconds until it is worth looking again for what one has waited for.

    A tenth of the time that has passed: what takes a second is seen a moment after its end, and
    what takes an hour is not asked for thousands of times.
    """
    return min(max(0.1 * waited_s, least_s), most_s)


def _ignore() -> None:
    """Streamlit tells an event only to those that have a callback for it."""
