"""A run killed repeatedly at random moments, compared with an undisturbed one.

    python -m benchmarks.kills [--kills 20] [--base]

Both train on a part of the Albanian sample dataset with the same settings: a small custom
architecture, or Whisper base. A kill is `SIGKILL`, at a random time after each start, up to an
eighth of the duration of the undisturbed run; then the run is resumed. At the end the metrics,
sample transcripts and weights of both must be equal.
"""

import os
import random
import signal
import time

import torch
import typer

from benchmarks.finetune import ALBANIAN, WORKSPACE, ready
from lab import dataset
from lab.importers import CorpusClip
from lab.jobs import start_run
from lab.training import metrics, runs
from lab.training.config import Architecture, Config
from lab.training.run import Run
from tests.support.runs import curve

_POLL_S = 0.01
_MAX_FRACTION = 0.12  # of the undisturbed run, until a kill
_DATASET, _N_CLIPS = "few", {"train": 64, "validation": 4, "test": 2}
_SMALL = Config(
    dataset=_DATASET,
    architecture=Architecture(layers=1, heads=2, hidden_size=64),
    epochs=150,
    validate_every_steps=200,
    save_every_steps=5,
    patience=None,
    health="skip",
)
_BASE = Config(dataset=_DATASET, epochs=5, save_every_steps=5, health="skip")


def undisturbed(config: Config) -> tuple[Run, float]:
    """Train without interruption; returns the run and its duration in seconds."""
    run = runs.create(WORKSPACE, config)
    started_at = time.perf_counter()
    start_run.start(run)
    _wait(run)
    return run, time.perf_counter() - started_at


def killed(
    config: Config, n_kills: int, undisturbed_s: float, rng: random.Random
) -> tuple[Run, int]:
    """Kill and resume a run up to `n_kills` times; returns it with the number of kills."""
    run = runs.create(WORKSPACE, config)
    for n_done in range(n_kills):
        start_run.start(run)
        until = time.monotonic() + rng.uniform(0, _MAX_FRACTION * undisturbed_s)
        while time.monotonic() < until or run.status().pid is None:
            if run.status().is_over:
                _wait(run)
                return run, n_done
            time.sleep(_POLL_S)
        pid = run.status().pid
        if pid is None:
            _wait(run)
            return run, n_done
        state, n_rows = run.status(), len(metrics.read(run.folder))
        os.kill(pid, signal.SIGKILL)
        print(f"  killed after {n_rows} rows of metrics: {state.note}", flush=True)
        while not run.status().is_over:
            time.sleep(_POLL_S)
    start_run.start(run)
    _wait(run)
    return run, n_kills


def create_dataset() -> None:
    """Copy a part of the sample dataset, so that a run mostly consists of steps."""
    if any(known.name == _DATASET for known in dataset.list_all(WORKSPACE)):
        return
    sample, left = ready(ALBANIAN), dict(_N_CLIPS)
    clips = []
    for entry in sample.clips():
        if left[entry.split]:
            left[entry.split] -= 1
            clips.append(CorpusClip(sample.audio_path(entry), entry.transcription, entry.split))
    dataset.import_clips(WORKSPACE, _DATASET, iter(clips), language="sq")


def differences(one: Run, other: Run) -> list[str]:
    """What differs between two runs; empty if their results are equal."""
    found = []
    if curve(one) != curve(other):
        found.append("metrics")
    if one.sample_transcripts() != other.sample_transcripts():
        found.append("sample transcripts")
    states = [torch.load(run.model_path, weights_only=True) for run in (one, other)]
    mine, others = (state["model_state_dict"] for state in states)
    if mine.keys() != others.keys() or any(not mine[key].equal(others[key]) for key in mine):
        found.append("weights")
    return found


def _wait(run: Run) -> None:
    while not (state := run.status()).is_over:
        time.sleep(_POLL_S)
    if state.state != "done":
        raise RuntimeError(f"{run.name}: {state.error}")


def main(kills: int = 20, *, base: bool = False, seed: int = 0) -> None:
    """Kill and resume a run, and compare it with an undisturbed one."""
    create_dataset()
    config = _BASE if base else _SMALL
    reference, undisturbed_s = undisturbed(config)
    steps = reference.status().step
    print(f"undisturbed: {steps} steps in {undisturbed_s:.0f} s")
    started_at = time.perf_counter()
    run, n_kills = killed(config, kills, undisturbed_s, random.Random(seed))
    print(f"killed {n_kills} times: {run.status().step} steps in ", end="")
    print(f"{time.perf_counter() - started_at:.0f} s; ", end="")
    found = differences(reference, run)
    print(
        f"different {', '.join(found)}" if found else "same metrics, sample transcripts and weights"
    )
    if found:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
