"""Python's garbage collector in the app: it works where nobody waits for it.

A full collection looks at every object there is, with the interpreter's lock held: with the model
and its libraries loaded those are some 300,000, which takes 0.1 to 0.3 s. Streamlit does one after
every run of a script unless told otherwise (`runner.postScriptGC` in `.streamlit/config.toml`), and
Python by itself whenever the objects have grown by a quarter. With several tabs open, the thread
that transcribes then hardly gets the lock.

Here libraries and models are frozen once they are loaded: they stay, so they are not looked at
again. What else has grown old is little, and is looked at by a thread of its own, now and then. The
young generations are left as Python has them: `python -m benchmarks.garbage` measures them at 1 to
2 % of the time, and higher thresholds gain nothing.
"""

import gc
from functools import cache

from lab.jobs.queue import repeat

# Python's own full collections: as good as never.
_NEVER = 1_000_000_000
_EVERY_S = 60.0
# Where more objects are alive, libraries have been loaded since the last freeze; to look at so many
# takes some 50 ms.
_MANY = 100_000


@cache
def take_over() -> None:
    """From now on, collect as this module says; once a process."""
    young, middle, _old = gc.get_threshold()
    gc.set_threshold(young, middle, _NEVER)
    repeat(_collect, every_s=_EVERY_S, name="garbage")


def freeze() -> None:
    """Collect in full, and take what is left for libraries and models, not to be looked at again.

    Whatever was frozen before is looked at as well, so nothing that a visitor left stays for ever.
    Takes 0.1 to 0.3 s: to be called where something has been loaded that took longer.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _collect() -> None:
    gc.collect()
    if len(gc.get_objects()) > _MANY:  # those that are not frozen
        freeze()
