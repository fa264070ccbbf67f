"""Corrections by a program that is killed; run as one, it makes them and tells of each."""

import os
import random
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # when it is run

from lab.dataset import CORRECTED, Dataset, store

_ROOT = Path(__file__).resolve().parents[2]
# Most moments are those of a correction, which takes about a millisecond; some are of the start.
_LATEST_S = 0.012
_MOST_PER_LIFE = 20


def correct_and_kill(dataset: Dataset, *, seed: int, share: float) -> tuple[int, set[str]]:
    """Let programs correct a dataset, each killed at a random moment, until all clips are done.

    share: the table is written anew when changes of this share of its size have come together

    After each of them everything that was told of has to be there. Returns how many were killed
    while they worked, and the clips that were told of.
    """
    moments = random.Random(seed)
    told: set[str] = set()
    n_kills = 0
    is_killed = True
    while is_killed:
        is_killed, new = _a_life(dataset, moments, share)
        n_kills += is_killed
        told |= new
        texts = {entry.file_name: entry.transcription for entry in dataset.entries()}
        lost = [name for name in told if texts[name] != _text_of(name)]
        assert not lost, f"told of and lost: {lost}"
        assert len(told) <= len([text for text in texts.values() if text])
    return n_kills, told


def _a_life(dataset: Dataset, moments: random.Random, share: float) -> tuple[bool, set[str]]:
    """One program until it is killed or done: whether it was killed, and what it told of."""
    with subprocess.Popen(
        [sys.executable, __file__, dataset.folder, "0", "1000000", "1", str(share)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
    ) as program:
        assert program.stdout is not None
        output = program.stdout.fileno()
        heard = b""
        n_before_it_dies = moments.randrange(_MOST_PER_LIFE)
        while heard.count(b"\n") <= n_before_it_dies and (more := os.read(output, 65536)):
            heard += more
        select.select([], [], [], moments.random() * _LATEST_S)
        program.send_signal(signal.SIGKILL)
        while more := os.read(output, 65536):
            heard += more
        is_killed = program.wait() == -signal.SIGKILL
    lines = heard[: heard.rfind(b"\n") + 1].decode().splitlines()
    return is_killed, {line for line in lines if line != _READY}


_READY = "ready"


def _text_of(file_name: str) -> str:
    return f"text of {Path(file_name).stem}"


def main(folder: str, first: str, last: str, step: str, share: str = "0.01") -> None:
    """Correct every `step`-th clip without a text, each on the disk before it is told of."""
    store._UNSETTLED_SHARE = float(share)
    dataset = Dataset(Path(folder).name, Path(folder))
    print(_READY, flush=True)
    for seen in dataset.entries()[int(first) : int(last) : int(step)]:
        if seen.transcription:
            continue
        text = _text_of(seen.file_name)
        wanted = replace(seen, transcription=text, status=CORRECTED)
        dataset.change([(seen, wanted)], what="corrected")
        print(seen.file_name, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
