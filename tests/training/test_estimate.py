"""Estimates of time and memory."""

from dataclasses import replace

import numpy as np
import pytest

from lab import dataset
from lab.core.errors import OptionsError, WorkspaceError
from lab.core.progress import Cancelled
from lab.core.workspace import Workspace
from lab.jobs.training_process import train
from lab.training import estimate, metrics
from lab.training.advice import learning_rate
from lab.training.estimate_worker import _frames, _in_typical_batches, measure
from lab.training.provenance import read_provenance
from lab.training.schedule import batch_order
from tests.support.runs import QUICK, noises, run_in


def test_an_estimate_is_measured_with_batches_of_the_dataset(workspace: Workspace) -> None:
    run_in(workspace)
    found = estimate.estimate_training(workspace, QUICK)
    assert (found.n_train, found.n_validation, found.total_steps) == (18, 3, 10)
    assert found.seconds > 10 * min(found.step_s) > 0
    assert 100 * 2**20 < found.memory_bytes < found.free_bytes
    assert found.learning_rate == learning_rate(QUICK, 32) == 1e-3
    assert any("times the recommended one" in warning for warning in found.warnings)
    said = " ".join(found.sentences(QUICK))
    for part in (
        "All weights of tiny",
        "18 clips of noises",
        "Epochs: 2, 10 batches",
        "3 validation clips",
    ):
        assert part in said


def test_an_estimate_fails_where_the_run_would(workspace: Workspace) -> None:
    run_in(workspace)
    for change, said in (
        ("model=gone", "no model called"),
        ("precision=float16", "does not support"),
    ):
        with pytest.raises(OptionsError, match=said):
            estimate.estimate_training(workspace, QUICK.with_overrides([change]))


def test_an_estimate_can_be_cancelled(workspace: Workspace) -> None:
    run_in(workspace)

    def stop(*_: object) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        estimate.estimate_training(workspace, QUICK, on_progress=stop)


def test_an_estimate_counts_the_same_clips_and_steps_as_the_run(workspace: Workspace) -> None:
    found = noises(workspace)
    first, second, *_ = found.clips()
    found.change([(first, replace(first, transcription="po " * 40))], what="")
    found.audio_path(second).unlink()
    run = run_in(workspace)
    estimated, state = measure(workspace, QUICK), train(run)
    assert state.state == "done"
    assert estimated.total_steps == state.total_steps == 8
    provenance = read_provenance(run)
    assert estimated.n_train == provenance["n_train"] == 16
    assert estimated.n_validation == provenance["n_validation"]
    assert list(estimated.left_out) == provenance["left_out"]
    highest = max(row.learning_rate or 0 for row in metrics.read(run.folder))
    assert estimated.learning_rate == pytest.approx(highest)


def test_unreadable_clips_are_skipped_unless_there_are_no_others(
    workspace: Workspace,
) -> None:
    run_in(workspace)
    found = dataset.find(workspace, "noises")
    train_clips = [entry for entry in found.clips() if entry.split == "train"]
    for entry in train_clips[1:]:
        found.audio_path(entry).write_bytes(b"no sound")
    assert measure(workspace, QUICK).seconds > 0
    found.audio_path(train_clips[0]).write_bytes(b"no sound")
    with pytest.raises(WorkspaceError, match="18 clips whose audio cannot be read"):
        measure(workspace, QUICK)


def test_the_measured_batch_is_about_as_long_as_the_average_one(workspace: Workspace) -> None:
    noises(workspace, n_train=3)
    clip = dataset.find(workspace, "noises").clips()[0]
    lengths_s = np.random.default_rng(0).uniform(1, 30, 300)
    clips = [replace(clip, duration_s=float(length_s)) for length_s in lengths_s]
    order = batch_order(map(_frames, clips), QUICK)
    measured = list(_in_typical_batches(clips, order))[: QUICK.batch_size]
    padded_s = [max(lengths_s[list(batch)]) for batch in order.epoch(0)]
    assert max(clip.duration_s or 0 for clip in measured) == pytest.approx(
        np.mean(padded_s), rel=0.05
    )
