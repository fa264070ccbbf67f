"""A run killed again and again at random moments, beside one that nobody touched.

    python -m benchmarks.kills [--kills 20] [--base]

Both train on a part of the Albanian sample with the same settings: a small network from nothing,
or Whisper base. A kill is `SIGKILL`, up to an eighth of the time after a start that the whole run
took; then the run is resumed. At the end the curves, the sentences and the weights of both are
compared, number by number.
"""

import os
import random
import signal
import time
from dataclasses import replace

import torch
import typer

from benchmarks.finetune import ALBANIAN, WORKSPACE, ready
from lab import dataset
from lab.importers import Clip
from lab.jobs import run_process
from lab.training import metrics, runs
from lab.training.config import Architecture, Config
from lab.training.metrics import Row
from lab.training.runs import Run

_POLL_S = 0.01
_SHARE_OF_WHOLE = 0.12
_FEW, _N_CLIPS = "few", {"train": 64, "validation": 4, "test": 2}
_SMALL = Config(
    dataset=_FEW,
    architecture=Architecture(layers=1, heads=2, width=64),
    epochs=150,
    validate_every_steps=200,
    save_every_steps=5,
    patience=None,
    health="skip",
)
_BASE = Config(dataset=_FEW, epochs=5, save_every_steps=5, health="skip")


def whole(config: Config) -> tuple[Run, float]:
    """A run that nobody kills, and the seconds it took."""
    run = runs.create(WORKSPACE, config)
    began = time.perf_counter()
    run_process.start(run)
    _wait(run)
    return run, time.perf_counter() - began


def killed(config: Config, n_kills: int, whole_s: float, rng: random.Random) -> tuple[Run, int]:
    """A run that is killed until it has been often enough or is done, and the number of kills."""
    run = runs.create(WORKSPACE, config)
    for n_done in range(n_kills):
        run_process.start(run)
        until = time.monotonic() + rng.uniform(0, _SHARE_OF_WHOLE * whole_s)
        while time.monotonic() < until or runs.status(run).pid is None:
            if runs.status(run).is_over:
                _wait(run)
                return run, n_done
            time.sleep(_POLL_S)
        pid = runs.status(run).pid
        if pid is None:
            _wait(run)
            return run, n_done
        state, n_rows = runs.status(run), len(metrics.read(run.folder))
        os.kill(pid, signal.SIGKILL)
        print(f"  killed after {n_rows} lines of the curve: {state.note}", flush=True)
        while not runs.status(run).is_over:
            time.sleep(_POLL_S)
    run_process.start(run)
    _wait(run)
    return run, n_kills


def few() -> None:
    """A part of the sample, so that most of a run is steps."""
    if any(known.name == _FEW for known in dataset.list_all(WORKSPACE)):
        return
    sample, left = ready(ALBANIAN), dict(_N_CLIPS)
    clips = []
    for entry in sample.entries():
        if left[entry.split]:
            left[entry.split] -= 1
            clips.append(Clip(sample.audio_path(entry), entry.transcription, entry.split))
    dataset.import_clips(WORKSPACE, _FEW, iter(clips), language="sq")


def differences(one: Run, other: Run) -> list[str]:
    """In what two runs differ, nothing if they ended alike."""
    found = []
    if _curve(one) != _curve(other):
        found.append("curves")
    if runs.sentences(one) != runs.sentences(other):
        found.append("sentences")
    states = [torch.load(run.model_path, weights_only=True) for run in (one, other)]
    mine, others = (state["model_state_dict"] for state in states)
    if mine.keys() != others.keys() or any(not mine[key].equal(others[key]) for key in mine):
        found.append("weights")
    return found


def _curve(run: Run) -> list[Row]:
    return [replace(row, seconds=None, clips_per_s=None) for row in metrics.read(run.folder)]


def _wait(run: Run) -> None:
    while not (state := runs.status(run)).is_over:
        time.sleep(_POLL_S)
    if state.state != "done":
        raise RuntimeError(f"{run.name}: {state.error}")


def main(kills: int = 20, *, base: bool = False, seed: int = 0) -> None:
    """Kill, resume, and compare with a run that was left alone."""
    few()
    config = _BASE if base else _SMALL
    reference, whole_s = whole(config)
    steps = runs.status(reference).step
    print(f"left alone: {steps} steps in {whole_s:.0f} s")
    began = time.perf_counter()
    run, n_kills = killed(config, kills, whole_s, random.Random(seed))
    print(f"killed {n_kills} times: {runs.status(run).step} steps in ", end="")
    print(f"{time.perf_counter() - began:.0f} s; ", end="")
    found = differences(reference, run)
    print(f"different {', '.join(found)}" if found else "the same curve, sentences and weights")
    if found:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
