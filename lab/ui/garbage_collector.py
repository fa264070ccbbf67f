"""Python's garbage collector, tuned so that full collections do not slow down the app.

A full collection visits every object while holding the interpreter's lock: some 300,000 objects
once a model and its libraries are loaded, which takes 0.1 to 0.3 s. By default Streamlit runs one
after every script run (`runner.postScriptGC`, switched off in `.streamlit/config.toml`), and Python
runs one whenever the number of objects has grown by a quarter. With several tabs open, the thread
that transcribes would hardly get the lock.

So libraries and models are frozen once loaded: they stay for the life of the process, and the
collector skips them. A background thread collects the few other old objects now and then. The young
generations keep Python's thresholds: `python -m benchmarks.garbage` measures 1 to 2 % of the time
for them, and higher thresholds gain nothing.
"""

import gc
from functools import cache

from lab.jobs.queue import repeat

# A threshold at which Python practically never starts a full collection itself.
_NEVER = 1_000_000_000
_EVERY_S = 60.0
# With more unfrozen objects than this, libraries have been loaded since the last freeze. Collecting
# so many takes about 50 ms.
_MAX_UNFROZEN = 100_000


@cache
def take_over() -> None:
    """Apply this module's policy to the process; further calls do nothing."""
    young, middle, _old = gc.get_threshold()
    gc.set_threshold(young, middle, _NEVER)
    repeat(_collect, every_s=_EVERY_S, name="garbage")


def freeze() -> None:
    """Run a full collection, then exempt all surviving objects from later ones.

    Objects frozen earlier are collected too, so nothing that a visitor left is kept for ever. Takes
    0.1 to 0.3 s: call it after loading something that took longer.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _collect() -> None:
    gc.collect()
    if len(gc.get_objects()) > _MAX_UNFROZEN:
        freeze()
