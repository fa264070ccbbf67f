"""A training from its beginning to its end, and what can go wrong on the way."""

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from lab import dataset
from lab.asr import checkpoints
from lab.asr.devices import best_device
from lab.core.errors import OptionsError
from lab.core.workspace import Workspace
from lab.dataset import EXCLUDED
from lab.jobs import run_process
from lab.jobs.run_training import train
from lab.training import course, intake, memory, metrics, runs
from lab.training.beginning import model_for
from lab.training.config import Architecture, Augmentation, Config
from lab.training.device import device_for
from lab.training.module import Training
from lab.training.reporting import LastState
from tests.support.paths import ROOT
from tests.support.runs import QUICK, curve, log_of, noises, over, run_in, stop_at, weights_of


def test_a_run_leaves_a_model_that_learned_and_can_be_used(workspace: Workspace) -> None:
    run = run_in(workspace, replace(QUICK, epochs=3))
    state = train(run)
    assert (state.state, state.step, state.total_steps, state.epoch) == ("done", 15, 15, 3.0)
    rows = metrics.read(run.folder)
    losses = [row.loss for row in rows if row.loss is not None]
    assert len(losses) == 15
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    validated = [row for row in rows if row.validation_wer is not None]
    assert [row.epoch for row in validated] == [0, 1, 2, 3]
    best = min(row.validation_wer or 0 for row in validated[1:])
    assert state.best_wer == pytest.approx(best)
    assert state.first_wer == pytest.approx(validated[0].validation_wer)
    rates = [row.learning_rate or 0 for row in rows if row.loss is not None]
    assert max(rates) == pytest.approx(QUICK.learning_rate)
    assert rates.index(max(rates)) == 1  # a tenth of the steps
    assert rates[2:] == sorted(rates[2:], reverse=True)
    heard = runs.sentences(run)
    assert [one["step"] for one in heard["heard"]] == [0, 5, 10, 15]
    assert len(heard["clips"]) == 2
    assert any("was not evaluated" in warning for warning in state.warnings)  # there is no test
    shutil.copy(run.model_path, workspace.models_dir / "tuned.pt")
    checkpoints.load("tuned", models_dir=workspace.models_dir)
    assert not (run.folder / "clips").exists()
    assert not run.last_path.exists()
    with pytest.raises(OptionsError, match="is done"):
        train(run)


def test_the_same_settings_give_the_same_curve_and_another_seed_another(
    workspace: Workspace,
) -> None:
    config = replace(QUICK, augmentation=Augmentation(time_masks=1, noise=0.5, speed=0.1))
    one, same = run_in(workspace, config), run_in(workspace, config)
    other = run_in(workspace, replace(config, seed=1))
    for run in (one, same, other):
        assert train(run).state == "done"
    assert curve(one) == curve(same)
    assert curve(one) != curve(other)


def test_stopped_and_resumed_a_run_is_the_same(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    config = replace(QUICK, epochs=3, accumulate=2, validate_every_steps=4)
    whole = run_in(workspace, config)
    assert train(whole).state == "done"
    broken = run_in(workspace, config)
    for step in (2, 2, 5):  # in the middle of a round, and at its end
        with monkeypatch.context() as patched:
            stop_at(step, patched)
            state = train(broken)
        assert state.state == "stopped"
        assert not state.error
    assert train(broken).state == "done"
    assert curve(broken) == curve(whole)
    assert runs.sentences(broken) == runs.sentences(whole)


def test_the_machine_chooses_the_precision(workspace: Workspace) -> None:
    run = run_in(workspace, replace(QUICK, epochs=1, precision="auto", accelerator="auto"))
    state = train(run)
    assert (state.state, state.step) == ("done", 5)
    assert f"in {best_device().precision}." in log_of(run)
    assert all(weight.isfinite().all() for weight in weights_of(run).values())


def test_a_training_that_gets_no_better_ends(workspace: Workspace) -> None:
    run = run_in(workspace, replace(QUICK, epochs=9, patience=2, learning_rate=1e-9))
    state = train(run)
    assert (state.state, state.step) == ("done", 15)
    assert run.model_path.exists()


@pytest.mark.parametrize("trains", ["decoder", "lora"])
def test_what_is_not_trained_stays_as_it_was(workspace: Workspace, trains: str) -> None:
    run = run_in(workspace, QUICK.with_set([f"trains={trains}", "lora_rank=4"]))
    assert train(run).state == "done"
    before = checkpoints.load("tiny", models_dir=workspace.models_dir).state_dict()
    after = weights_of(run)
    assert set(after) == set(before)
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert any(name.startswith("decoder.blocks") for name in changed)
    assert any(name.startswith("encoder.blocks") for name in changed) == (trains == "lora")
    if trains == "lora":
        assert all(name.endswith("weight") and ".blocks." in name for name in changed)
        assert not any("token_embedding" in name or "ln" in name for name in changed)


def test_a_network_of_ones_own_learns_from_nothing(workspace: Workspace) -> None:
    own = Architecture(layers=1, heads=2, width=32, activation="relu")
    run = run_in(workspace, replace(QUICK, epochs=1, architecture=own))
    assert train(run).state == "done"
    shutil.copy(run.model_path, workspace.models_dir / "own.pt")
    model = checkpoints.load("own", models_dir=workspace.models_dir)
    assert (model.dims.n_text_layer, model.dims.n_audio_state) == (1, 32)
    assert isinstance(model.encoder.blocks[0].mlp[1], torch.nn.ReLU)


def test_a_dataset_without_clips_for_it_is_refused_with_what_to_do(workspace: Workspace) -> None:
    run = run_in(workspace)
    found = dataset.find(workspace, "noises")
    validation = [entry for entry in found.entries() if entry.split == "validation"]
    found.change([(entry, replace(entry, split="")) for entry in validation], what="")
    state = train(run)
    assert state.state == "failed"
    assert "no usable clip in the split “validation”" in (state.error or "")
    assert "Split the dataset" in (state.error or "")
    entries = found.entries()
    found.change([(entry, replace(entry, transcription="")) for entry in entries], what="")
    assert "No clip of the dataset noises has a text" in (train(run).error or "")


def test_clips_that_cannot_be_used_are_left_out_and_told_of(workspace: Workspace) -> None:
    found = noises(workspace)
    first, second, third, fourth, fifth, *_ = found.entries()
    found.change(
        [
            (first, replace(first, transcription=" ")),
            (second, replace(second, status=EXCLUDED)),
            (third, replace(third, transcription="po " * 40)),
            (fifth, replace(fifth, transcription="<|0.00|> po <|0.50|>")),
        ],
        what="",
    )
    found.audio_path(fourth).unlink()
    run = run_in(workspace, replace(QUICK, max_samples=31_000))
    state = train(run)
    assert state.state == "done"
    said = " ".join(state.warnings)
    for reason in ("without a text", "left out", "too long a text", "sound is missing", "1.9375 s"):
        assert reason in said
    assert "1 clip with Whisper's own marks in the text" in said


def test_one_clip_is_enough_to_try_the_way(workspace: Workspace) -> None:
    noises(workspace, n_train=1, n_validation=1)
    state = train(run_in(workspace))
    assert state.state == "done"
    assert any("There is one clip to learn from" in warning for warning in state.warnings)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_state(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_in(workspace, replace(QUICK, save_every_steps=2))
    real, count = Training.training_step, iter(range(100))

    def training_step(self: Training, batch: object, number: int) -> torch.Tensor:
        if next(count) == 3:
            with torch.no_grad():
                self.model.decoder.ln.weight.fill_(torch.nan)
        return real(self, batch, number)  # type: ignore[arg-type]

    monkeypatch.setattr(Training, "training_step", training_step)
    state = train(run)
    assert state.state == "failed"
    assert "the training diverged" in (state.error or "").lower()
    assert "learning rate of 0.0001 or less" in (state.error or "")
    assert "last good state is kept" in (state.error or "")
    saved = torch.load(run.last_path, weights_only=True)["state_dict"]
    assert all(value.isfinite().all() for value in saved.values())
    monkeypatch.undo()
    assert train(run).state == "done"


def test_a_full_disk_fails_the_run_which_can_be_resumed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_in(workspace, replace(QUICK, save_every_steps=2))
    real, count = torch.save, iter(range(100))

    def save(content: object, target: object) -> None:
        if next(count) == 1:
            raise OSError(28, "No space left on device")
        real(content, target)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", save)
        state = train(run)
    assert state.state == "failed"
    assert "No space left" in (state.error or "")
    assert "Resume the run" in (state.error or "")
    assert not list(run.folder.rglob("*.part"))
    assert train(run).state == "done"


def test_clips_that_were_learned_from_are_no_test(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, found = run_in(workspace), dataset.find(workspace, "noises")
    fit = course.fit

    def split_meanwhile(*arguments: object) -> None:
        fit(*arguments)  # type: ignore[arg-type]
        found.change([(one, replace(one, split="test")) for one in found.entries()], what="split")

    monkeypatch.setattr(course, "fit", split_meanwhile)
    assert any("learned from every clip" in warning for warning in train(run).warnings)
    papers = json.loads((run.folder / runs.DATASET).read_text())
    assert (papers["n_train"], len(papers["learned"])) == (18, 21)


def test_what_goes_wrong_after_the_training_leaves_a_model(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(course, "evaluate_run", broken)
    run = run_in(workspace)
    state = train(run)
    assert state.state == "done"
    assert any("was not evaluated" in warning for warning in state.warnings)
    assert "nobody thought of this" in log_of(run)
    assert run.model_path.exists()


def test_clips_that_cannot_be_learned_from_are_named(workspace: Workspace) -> None:
    found = noises(workspace)
    one, other, *_ = found.entries()
    found.change([(one, replace(one, split="")), (other, replace(other, language="yue"))], what="x")
    run = run_in(workspace)
    assert train(run).state == "done"
    left_out = json.loads((run.folder / runs.DATASET).read_text())["left_out"]
    assert left_out == ["1 clip in no split", "1 clip in a language that the model does not know"]


def test_a_machine_with_too_little_memory_says_which_batch_fits(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_in(workspace, replace(QUICK, batch_size=100))
    monkeypatch.setattr("lab.training.memory.free_bytes", lambda _device: 200 * 2**20)
    state = train(run)
    assert state.state == "failed"
    assert "batches of 100 clips" in (state.error or "")
    assert "at a time fit: begin a run with batch_size" in (state.error or "")

    def full(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9")

    two = replace(run.config, batch_size=4, devices=2, strategy="ddp")
    device, tuned = device_for(two), model_for(two, workspace.models_dir)
    needed = memory.needed_bytes(tuned, two, device, longest_s=2)
    monkeypatch.setattr("lab.training.memory.free_bytes", lambda _device: needed * 3 // 2)
    memory.check(tuned, replace(two, devices=1), device, longest_s=2)
    with pytest.raises(OptionsError, match="batches of 4 clips"):
        memory.check(tuned, two, device, longest_s=2)

    monkeypatch.undo()
    monkeypatch.setattr(Training, "training_step", full)
    assert "Try 50 at a time" in (train(run).error or "")


def test_a_disk_that_is_full_is_called_so(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Training, "training_step", full)
    error = train(run_in(workspace)).error or ""
    assert "The disk is full" in error
    assert "start the run again" in error


@pytest.mark.parametrize("what", ["deleted", "changed"])
def test_a_run_goes_on_with_its_clips_whatever_becomes_of_the_dataset(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    whole = run_in(workspace)
    assert train(whole).state == "done"
    run = run_in(workspace)
    with monkeypatch.context() as patched:
        stop_at(2, patched)
        assert train(run).state == "stopped"
    found = dataset.find(workspace, "noises")
    if what == "deleted":
        dataset.delete(found)
    else:
        entry = found.entries()[0]
        found.change([(entry, replace(entry, transcription="tjetër"))], what="")
    state = train(run)
    assert state.state == "done"
    assert any("goes on with its clips as they were" in one for one in state.warnings)
    assert curve(run) == curve(whole)


def test_without_its_clips_a_run_does_not_go_on_with_others(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    run = run_in(workspace)
    with monkeypatch.context() as patched:
        stop_at(2, patched)
        train(run)
    intake.remove(run.folder)
    found = dataset.find(workspace, "noises")
    entry = found.entries()[0]
    found.change([(entry, replace(entry, transcription="tjetër"))], what="")
    state = train(run)
    assert "has changed since this run began" in (state.error or "")


def test_a_mistake_of_the_program_is_in_the_log_and_the_state_is_kept(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_in(workspace, replace(QUICK, save_every_steps=1))

    def broken(*_: object) -> None:
        raise KeyError("a mistake")

    monkeypatch.setattr(LastState, "on_train_epoch_end", broken)
    state = train(run)
    assert state.state == "failed"
    assert "inside the program; the log says what. Resume the run" in (state.error or "")
    assert "KeyError: 'a mistake'" in log_of(run)
    monkeypatch.undo()
    assert train(run).state == "done"


def test_two_processes_learn_from_all_clips_together(workspace: Workspace) -> None:
    config: Config = replace(QUICK, epochs=1, devices=2, strategy="ddp", batch_size=3)
    run = run_in(workspace, config)
    run_process.start(run)
    state = over(run)
    assert (state.state, state.step, state.total_steps) == ("done", 3, 3), log_of(run)
    assert "Going" not in log_of(run)
    assert len(metrics.read(run.folder)) == 5


def test_a_second_machine_waits_for_the_clips_and_learns_with_the_first(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("", 0))
        monkeypatch.setenv("MASTER_PORT", str(free.getsockname()[1]))
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    run = run_in(workspace, replace(QUICK, epochs=1, nodes=2, batch_size=3))
    monkeypatch.setenv("NODE_RANK", "1")
    with pytest.raises(OptionsError, match="not under way on the first machine"):
        train(run)
    monkeypatch.setenv("NODE_RANK", "0")
    run_process.start(run)
    second = subprocess.run(
        [sys.executable, "-m", "lab", "train-run", str(run.folder)],
        env={**os.environ, "NODE_RANK": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 0, second.stderr
    state = over(run)
    assert (state.state, state.step, state.total_steps) == ("done", 3, 3), log_of(run)
    assert len(metrics.read(run.folder)) == 5
