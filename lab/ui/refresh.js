// Rerun a fragment after a delay; see refresh.py.
//
// Streamlit calls this on every draw of the page, possibly twice for the same data; only a new
// `scheduled_at` starts a new timer.
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
