"""Training from start to end, and what can go wrong."""

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
from lab.jobs import run_steps, start_run
from lab.jobs.training_process import train
from lab.training import memory, metrics
from lab.training.checkpointing import LastCheckpoint
from lab.training.config import Architecture, Augmentation, Config
from lab.training.device import device_for
from lab.training.module import WhisperModule
from lab.training.provenance import read_provenance, training_files
from lab.training.run_model import load_initial_model
from tests.support.paths import ROOT
from tests.support.runs import (
    QUICK,
    curve,
    log_of,
    noises,
    run_in,
    stop_at,
    wait_until_over,
    weights_of,
)


def test_a_run_leaves_a_trained_model_that_loads(workspace: Workspace) -> None:
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
    samples = run.sample_transcripts()
    assert [entry["step"] for entry in samples["transcripts"]] == [0, 5, 10, 15]
    assert len(samples["clips"]) == 2
    assert any(
        "was not evaluated" in warning for warning in state.warnings
    )  # the test split is empty
    shutil.copy(run.model_path, workspace.models_dir / "tuned.pt")
    checkpoints.load("tuned", models_dir=workspace.models_dir)
    assert not (run.folder / "clips").exists()
    assert not run.last_checkpoint.exists()
    with pytest.raises(OptionsError, match="is done"):
        train(run)


def test_the_same_settings_give_the_same_curve_and_another_seed_another(
    workspace: Workspace,
) -> None:
    config = replace(
        QUICK, augmentation=Augmentation(time_masks=1, noise_probability=0.5, max_speed_change=0.1)
    )
    one, same = run_in(workspace, config), run_in(workspace, config)
    other = run_in(workspace, replace(config, seed=1))
    for run in (one, same, other):
        assert train(run).state == "done"
    assert curve(one) == curve(same)
    assert curve(one) != curve(other)


def test_a_stopped_and_resumed_run_gives_the_same_model(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    config = replace(QUICK, epochs=3, gradient_accumulation_steps=2, validate_every_steps=4)
    whole = run_in(workspace, config)
    assert train(whole).state == "done"
    broken = run_in(workspace, config)
    for step in (2, 2, 5):  # between two validations, and at the end of one
        with monkeypatch.context() as patched:
            stop_at(step, patched)
            state = train(broken)
        assert state.state == "stopped"
        assert not state.error
    assert train(broken).state == "done"
    assert curve(broken) == curve(whole)
    assert broken.sample_transcripts() == whole.sample_transcripts()


def test_the_precision_is_chosen_for_the_machine(workspace: Workspace) -> None:
    run = run_in(workspace, replace(QUICK, epochs=1, precision="auto", accelerator="auto"))
    state = train(run)
    assert (state.state, state.step) == ("done", 5)
    assert f"in {best_device().precision}." in log_of(run)
    assert all(weight.isfinite().all() for weight in weights_of(run).values())


def test_training_stops_early_without_improvement(workspace: Workspace) -> None:
    run = run_in(workspace, replace(QUICK, epochs=9, patience=2, learning_rate=1e-9))
    state = train(run)
    assert (state.state, state.step) == ("done", 15)
    assert run.model_path.exists()


@pytest.mark.parametrize("trainable", ["decoder", "lora"])
def test_frozen_weights_do_not_change(workspace: Workspace, trainable: str) -> None:
    run = run_in(workspace, QUICK.with_overrides([f"trainable={trainable}", "lora_rank=4"]))
    assert train(run).state == "done"
    before = checkpoints.load("tiny", models_dir=workspace.models_dir).state_dict()
    after = weights_of(run)
    assert set(after) == set(before)
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert any(name.startswith("decoder.blocks") for name in changed)
    assert any(name.startswith("encoder.blocks") for name in changed) == (trainable == "lora")
    if trainable == "lora":
        assert all(name.endswith("weight") and ".blocks." in name for name in changed)
        assert not any("token_embedding" in name or "ln" in name for name in changed)


def test_a_custom_architecture_is_trained_from_scratch(workspace: Workspace) -> None:
    own = Architecture(layers=1, heads=2, hidden_size=32, activation="relu")
    run = run_in(workspace, replace(QUICK, epochs=1, architecture=own))
    assert train(run).state == "done"
    shutil.copy(run.model_path, workspace.models_dir / "own.pt")
    model = checkpoints.load("own", models_dir=workspace.models_dir)
    assert (model.dims.n_text_layer, model.dims.n_audio_state) == (1, 32)
    assert isinstance(model.encoder.blocks[0].mlp[1], torch.nn.ReLU)


def test_a_dataset_without_usable_clips_is_refused_with_advice(workspace: Workspace) -> None:
    run = run_in(workspace)
    found = dataset.find(workspace, "noises")
    validation = [entry for entry in found.clips() if entry.split == "validation"]
    found.change([(entry, replace(entry, split="")) for entry in validation], what="")
    state = train(run)
    assert state.state == "failed"
    assert "no usable clip in the split “validation”" in (state.error or "")
    assert "Split the dataset" in (state.error or "")
    entries = found.clips()
    found.change([(entry, replace(entry, transcription="")) for entry in entries], what="")
    assert "No clip of the dataset noises has a text" in (train(run).error or "")


def test_unusable_clips_are_left_out_and_counted(workspace: Workspace) -> None:
    found = noises(workspace)
    first, second, third, fourth, fifth, *_ = found.clips()
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
    run = run_in(workspace, replace(QUICK, max_audio_samples=31_000))
    state = train(run)
    assert state.state == "done"
    text = " ".join(state.warnings)
    for reason in (
        *("without a text", "marked as excluded", "too long a text", "file is missing"),
        *("longer than 1.9375 s", "1 clip with special tokens in the text"),
    ):
        assert reason in text


def test_one_clip_is_enough_for_a_trial_run(workspace: Workspace) -> None:
    noises(workspace, n_train=1, n_validation=1)
    state = train(run_in(workspace))
    assert state.state == "done"
    assert any("only one training clip" in warning for warning in state.warnings)


def test_a_nan_loss_fails_the_run_and_keeps_the_last_checkpoint(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_in(workspace, replace(QUICK, save_every_steps=2))
    real, count = WhisperModule.training_step, iter(range(100))

    def training_step(self: WhisperModule, batch: object, number: int) -> torch.Tensor:
        if next(count) == 3:
            with torch.no_grad():
                self.model.decoder.ln.weight.fill_(torch.nan)
        return real(self, batch, number)  # type: ignore[arg-type]

    monkeypatch.setattr(WhisperModule, "training_step", training_step)
    state = train(run)
    assert state.state == "failed"
    assert "the training diverged" in (state.error or "").lower()
    assert "learning rate of 0.0001 or less" in (state.error or "")
    assert "last checkpoint is kept" in (state.error or "")
    saved = torch.load(run.last_checkpoint, weights_only=True)["state_dict"]
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


def test_the_model_is_not_tested_on_its_training_clips(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, found = run_in(workspace), dataset.find(workspace, "noises")
    fit = run_steps.fit

    def split_meanwhile(*arguments: object) -> None:
        fit(*arguments)  # type: ignore[arg-type]
        found.change([(one, replace(one, split="test")) for one in found.clips()], what="split")

    monkeypatch.setattr(run_steps, "fit", split_meanwhile)
    assert any("trained on every clip" in warning for warning in train(run).warnings)
    assert read_provenance(run)["n_train"] == 18
    assert len(training_files(run)) == 21


def test_errors_after_the_training_do_not_lose_the_model(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(run_steps, "evaluate_run", broken)
    run = run_in(workspace)
    state = train(run)
    assert state.state == "done"
    assert any("was not evaluated" in warning for warning in state.warnings)
    assert "nobody thought of this" in log_of(run)
    assert run.model_path.exists()


def test_clips_left_out_are_recorded(workspace: Workspace) -> None:
    found = noises(workspace)
    one, other, *_ = found.clips()
    found.change([(one, replace(one, split="")), (other, replace(other, language="yue"))], what="x")
    run = run_in(workspace)
    assert train(run).state == "done"
    left_out = read_provenance(run)["left_out"]
    assert left_out == [
        "1 clip without a split",
        "1 clip in a language that the model does not support",
    ]


def test_too_little_memory_is_reported_with_the_batch_size_that_fits(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_in(workspace, replace(QUICK, batch_size=100))
    monkeypatch.setattr("lab.training.memory.free_bytes", lambda _device: 200 * 2**20)
    state = train(run)
    assert state.state == "failed"
    assert "batches of 100 clips" in (state.error or "")
    assert "fit: start a run with batch_size" in (state.error or "")

    def full(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9")

    two = replace(run.config, batch_size=4, devices=2, strategy="ddp")
    device, tuned = device_for(two), load_initial_model(two, workspace.models_dir)
    needed = memory.required_bytes(tuned, two, device, longest_s=2)
    monkeypatch.setattr("lab.training.memory.free_bytes", lambda _device: needed * 3 // 2)
    memory.check(tuned, replace(two, devices=1), device, longest_s=2)
    with pytest.raises(OptionsError, match="batches of 4 clips"):
        memory.check(tuned, two, device, longest_s=2)

    monkeypatch.undo()
    monkeypatch.setattr(WhisperModule, "training_step", full)
    assert "Try batches of 50" in (train(run).error or "")


def test_a_full_disk_is_reported(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(WhisperModule, "training_step", full)
    error = train(run_in(workspace)).error or ""
    assert "The disk is full" in error
    assert "start the run again" in error


@pytest.mark.parametrize("what", ["deleted", "changed"])
def test_a_run_resumes_with_its_clips_when_the_dataset_changes(
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
        entry = found.clips()[0]
        found.change([(entry, replace(entry, transcription="tjetër"))], what="")
    state = train(run)
    assert state.state == "done"
    assert any("keeps using the clips it started with" in warning for warning in state.warnings)
    assert curve(run) == curve(whole)


def test_a_run_without_its_clips_does_not_resume_with_others(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    run = run_in(workspace)
    with monkeypatch.context() as patched:
        stop_at(2, patched)
        train(run)
    shutil.rmtree(run.clips_dir)
    found = dataset.find(workspace, "noises")
    entry = found.clips()[0]
    found.change([(entry, replace(entry, transcription="tjetër"))], what="")
    state = train(run)
    assert "has changed since this run started" in (state.error or "")


def test_an_internal_error_is_logged_and_the_checkpoint_kept(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_in(workspace, replace(QUICK, save_every_steps=1))

    def broken(*_: object) -> None:
        raise KeyError("a mistake")

    monkeypatch.setattr(LastCheckpoint, "on_train_epoch_end", broken)
    state = train(run)
    assert state.state == "failed"
    assert "internal error occurred; the log says more. Resume the run" in (state.error or "")
    assert "KeyError: 'a mistake'" in log_of(run)
    monkeypatch.undo()
    assert train(run).state == "done"


def test_two_processes_share_the_clips(workspace: Workspace) -> None:
    config: Config = replace(QUICK, epochs=1, devices=2, strategy="ddp", batch_size=3)
    run = run_in(workspace, config)
    start_run.start(run)
    state = wait_until_over(run)
    assert (state.state, state.step, state.total_steps) == ("done", 3, 3), log_of(run)
    assert "Resuming" not in log_of(run)
    assert len(metrics.read(run.folder)) == 5


def test_a_second_machine_waits_for_the_clips_and_trains_with_the_first(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("", 0))
        monkeypatch.setenv("MASTER_PORT", str(free.getsockname()[1]))
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    run = run_in(workspace, replace(QUICK, epochs=1, num_nodes=2, batch_size=3))
    monkeypatch.setenv("NODE_RANK", "1")
    with pytest.raises(OptionsError, match="not running on the first machine"):
        train(run)
    monkeypatch.setenv("NODE_RANK", "0")
    start_run.start(run)
    second = subprocess.run(
        [sys.executable, "-m", "lab", "train-run", str(run.folder)],
        env={**os.environ, "NODE_RANK": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 0, second.stderr
    state = wait_until_over(run)
    assert (state.state, state.step, state.total_steps) == ("done", 3, 3), log_of(run)
    assert len(metrics.read(run.folder)) == 5
