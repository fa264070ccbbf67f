"""Corrections by a program that is killed. Run as a script, it corrects clips and confirms each."""

import os
import random
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # for running it as a script

from lab.dataset import CORRECTED, Dataset, store

_ROOT = Path(__file__).resolve().parents[2]
# Most kills hit a correction, which takes about a millisecond; some hit the start of the program.
_MAX_DELAY_S = 0.012
_MAX_CORRECTIONS = 20


def correct_and_kill(dataset: Dataset, *, seed: int, ratio: float) -> tuple[int, set[str]]:
    """Run programs that correct a dataset, each killed at a random moment, until all are done.

    ratio: the table is compacted when the changes it lacks exceed this ratio of its size

    Asserts after each that all confirmed changes are there. Returns the number of programs that
    were killed, and the file names of the confirmed clips.
    """
    rng = random.Random(seed)
    confirmed: set[str] = set()
    n_kills = 0
    is_killed = True
    while is_killed:
        is_killed, new = _run_and_kill(dataset, rng, ratio)
        n_kills += is_killed
        confirmed |= new
        texts = {clip.file_name: clip.transcription for clip in dataset.clips()}
        lost = [name for name in confirmed if texts[name] != _text_of(name)]
        assert not lost, f"confirmed and lost: {lost}"
        assert len(confirmed) <= len([text for text in texts.values() if text])
    return n_kills, confirmed


def _run_and_kill(dataset: Dataset, rng: random.Random, ratio: float) -> tuple[bool, set[str]]:
    """Run one program; returns whether it was killed before it was done, and what it confirmed."""
    with subprocess.Popen(
        [sys.executable, __file__, dataset.folder, "0", "1000000", "1", str(ratio)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
    ) as program:
        assert program.stdout is not None
        stdout = program.stdout.fileno()
        output = b""
        n_corrections = rng.randrange(_MAX_CORRECTIONS)
        while output.count(b"\n") <= n_corrections and (more := os.read(stdout, 65536)):
            output += more
        select.select([], [], [], rng.random() * _MAX_DELAY_S)
        program.send_signal(signal.SIGKILL)
        while more := os.read(stdout, 65536):
            output += more
        is_killed = program.wait() == -signal.SIGKILL
    lines = output[: output.rfind(b"\n") + 1].decode().splitlines()
    return is_killed, {line for line in lines if line != _READY}


_READY = "ready"


def _text_of(file_name: str) -> str:
    return f"text of {Path(file_name).stem}"


def main(folder: str, first: str, last: str, step: str, ratio: str = "0.01") -> None:
    """Correct every `step`-th clip without a text, and print each once it is on disk."""
    store._COMPACTION_RATIO = float(ratio)
    dataset = Dataset(Path(folder).name, Path(folder))
    print(_READY, flush=True)
    for seen in dataset.clips()[int(first) : int(last) : int(step)]:
        if seen.transcription:
            continue
        text = _text_of(seen.file_name)
        wanted = replace(seen, transcription=text, status=CORRECTED)
        dataset.change([(seen, wanted)], what="corrected")
        print(seen.file_name, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
