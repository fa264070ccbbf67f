"""What a training will take, before it begins."""

from dataclasses import replace

import numpy as np
import pytest

from lab import dataset
from lab.core.errors import OptionsError, WorkspaceError
from lab.core.progress import Cancelled
from lab.core.workspace import Workspace, read_json
from lab.jobs.run_training import train
from lab.training import estimate, metrics, runs
from lab.training.advice import learning_rate
from lab.training.data import order_of
from lab.training.measuring import _as_in_batches, _frames, measure
from tests.support.runs import QUICK, noises, run_in


def test_an_estimate_comes_from_batches_of_the_dataset(workspace: Workspace) -> None:
    run_in(workspace)
    found = estimate.ask(workspace, QUICK)
    assert (found.n_train, found.n_validation, found.total_steps) == (18, 3, 10)
    assert found.seconds > 10 * min(found.step_s) > 0
    assert 100 * 2**20 < found.memory_bytes < found.free_bytes
    assert found.learning_rate == learning_rate(QUICK, 32) == 1e-3
    assert any("times the usual one" in warning for warning in found.warnings)
    said = " ".join(found.sentences(QUICK))
    for part in ("All weights of tiny", "18 clips of noises", "2 times: 10 batches", "3 clips"):
        assert part in said


def test_what_a_run_would_fail_at_is_known_before(workspace: Workspace) -> None:
    run_in(workspace)
    for change, said in (
        ("model=gone", "no model called"),
        ("precision=float16", "cannot compute"),
    ):
        with pytest.raises(OptionsError, match=said):
            estimate.ask(workspace, QUICK.with_set([change]))


def test_an_estimate_can_be_stopped(workspace: Workspace) -> None:
    run_in(workspace)

    def stop(*_: object) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        estimate.ask(workspace, QUICK, on_progress=stop)


def test_an_estimate_counts_what_the_run_will(workspace: Workspace) -> None:
    found = noises(workspace)
    first, second, *_ = found.entries()
    found.change([(first, replace(first, transcription="po " * 40))], what="")
    found.audio_path(second).unlink()
    run = run_in(workspace)
    estimated, state = measure(workspace, QUICK), train(run)
    assert state.state == "done"
    assert estimated.total_steps == state.total_steps == 8
    papers = read_json(run.folder / runs.DATASET)
    assert estimated.n_train == papers["n_train"] == 16
    assert estimated.n_validation == papers["n_validation"]
    assert list(estimated.left_out) == papers["left_out"]
    highest = max(row.learning_rate or 0 for row in metrics.read(run.folder))
    assert estimated.learning_rate == pytest.approx(highest)


def test_clips_that_nobody_can_read_are_not_tried_where_there_are_others(
    workspace: Workspace,
) -> None:
    run_in(workspace)
    found = dataset.find(workspace, "noises")
    train_clips = [entry for entry in found.entries() if entry.split == "train"]
    for entry in train_clips[1:]:
        found.audio_path(entry).write_bytes(b"no sound")
    assert measure(workspace, QUICK).seconds > 0
    found.audio_path(train_clips[0]).write_bytes(b"no sound")
    with pytest.raises(WorkspaceError, match="18 clips whose sound cannot be read"):
        measure(workspace, QUICK)


def test_the_batch_that_is_tried_is_as_long_as_those_of_a_training(workspace: Workspace) -> None:
    noises(workspace, n_train=3)
    entry = dataset.find(workspace, "noises").entries()[0]
    lengths_s = np.random.default_rng(0).uniform(1, 30, 300)
    entries = [replace(entry, duration_s=float(length_s)) for length_s in lengths_s]
    order = order_of(map(_frames, entries), QUICK)
    tried = [one.duration_s or 0 for one in _as_in_batches(entries, order)][: QUICK.batch_size]
    padded_s = [max(lengths_s[list(batch)]) for batch in order.epoch(0)]
    assert max(tried) == pytest.approx(np.mean(padded_s), rel=0.05)
