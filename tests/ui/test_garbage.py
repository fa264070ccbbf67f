"""Full collections wait for a freeze or for their own thread, and nothing stays for ever."""

import gc
import subprocess
import sys
import weakref

from lab.ui import garbage


class Node:
    """Something that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


def test_what_was_frozen_in_a_cycle_goes_with_the_next_freeze() -> None:
    node = Node()
    seen = weakref.ref(node)
    try:
        garbage.freeze()
        del node
        gc.collect()
        assert seen() is not None, "what is frozen is not looked at"
        garbage.freeze()
        assert seen() is None
    finally:
        gc.unfreeze()


def test_python_makes_no_full_collection_by_itself_but_the_thread_does() -> None:
    program = (
        "import gc, time\n"
        "from lab.ui import garbage\n"
        "garbage._EVERY_S = 0.2\n"
        "threads = []\n"
        "import threading\n"
        "gc.callbacks.append(lambda phase, info: phase == 'stop' and info['generation'] == 2\n"
        "                    and threads.append(threading.current_thread().name))\n"
        "garbage.take_over()\n"
        "garbage.take_over()\n"
        "kept = [[number] for number in range(500_000)]\n"
        "kept = [[[number]] for number in range(500_000)]\n"
        "time.sleep(1)\n"
        "assert threads and set(threads) == {'garbage'}, threads\n"
        "names = [thread.name for thread in threading.enumerate()]\n"
        "assert names.count('garbage') == 1\n"
        "assert gc.get_freeze_count() > 500_000\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
