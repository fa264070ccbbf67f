"""Full collections run only in freeze() and in their own thread, and nothing is kept for ever."""

import gc
import subprocess
import sys
import weakref

from lab.ui import garbage_collector


class Node:
    """A reference cycle, which only the collector can free."""

    def __init__(self) -> None:
        self.cycle = self


def test_a_frozen_cycle_is_collected_by_the_next_freeze() -> None:
    node = Node()
    reference = weakref.ref(node)
    try:
        garbage_collector.freeze()
        del node
        gc.collect()
        assert reference() is not None, "frozen objects are not collected"
        garbage_collector.freeze()
        assert reference() is None
    finally:
        gc.unfreeze()


def test_only_the_background_thread_runs_full_collections() -> None:
    program = (
        "import gc, time\n"
        "from lab.ui import garbage_collector as garbage\n"
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
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
