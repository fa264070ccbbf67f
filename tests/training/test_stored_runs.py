"""Runs stored by version 0.1 are read and resumed."""

import pytest
import torch

from lab.core.workspace import Workspace
from lab.jobs.training_process import train
from lab.training import metrics, runs, trainer
from lab.training.data_module import ClipDataModule
from lab.training.models import training_files_of
from lab.training.prepared_examples import load_prepared
from lab.training.provenance import read_provenance, training_files
from lab.training.run_model import keep_best_checkpoint
from tests.support.runs import weights_of

# Losses after the step at which a run was stopped, as version 0.1 computes them when resuming.
EXPECTED = {
    "half": {7: 27.81252, 8: 29.00703, 9: 30.12651, 10: 27.72226, 11: 28.55944, 12: 29.96787},
    "half-lora": {5: 30.20939, 6: 27.86833, 7: 27.43201, 8: 28.88306, 9: 26.90983},
}
VALIDATION_LOSS = {"half": 28.36801, "half-lora": 28.09559}


def test_stored_runs_are_listed_with_state_and_settings(stored_workspace: Workspace) -> None:
    states = {run.name: run.status().state for run in runs.list_all(stored_workspace)}
    assert states == {
        **{"first": "done", "half": "stopped", "half-lora": "stopped"},
        **{"broken": "failed", "from-nothing": "stopped"},
    }
    config = runs.find(stored_workspace, "half").config
    assert (config.gradient_accumulation_steps, config.warmup_ratio) == (2, 0.25)
    assert (config.long_form_ratio, config.augmentation.min_snr_db) == (0.4, 12.0)
    architecture = runs.find(stored_workspace, "from-nothing").config.architecture
    assert architecture is not None
    assert architecture.hidden_size == 48


def test_provenance_and_sample_transcripts_of_stored_runs_are_read(
    stored_workspace: Workspace,
) -> None:
    run = runs.find(stored_workspace, "half")
    assert len(training_files(run)) == 7
    assert training_files_of(stored_workspace, ["albanian-1"]) == {"albanian": training_files(run)}
    assert [entry["step"] for entry in run.sample_transcripts()["transcripts"]] == [0, 4]
    prepared = load_prepared(run.clips_dir)
    assert prepared.train.are_waveforms  # for augmentation
    assert prepared.fingerprint() == read_provenance(run)["audio_sha256"]
    assert not load_prepared(runs.find(stored_workspace, "half-lora").clips_dir).train.are_waveforms


def test_states_in_stored_checkpoints_belong_to_classes_of_today(
    stored_workspace: Workspace,
) -> None:
    run = runs.find(stored_workspace, "half")
    checkpoint = trainer.AtomicCheckpointIO(run).load_checkpoint(run.last_checkpoint)
    classes = [key.partition("{")[0] for key in checkpoint["callbacks"]]
    assert sorted(classes) == ["BestCheckpoint", "ResumableEarlyStopping", "RunReporter"]
    assert all(hasattr(trainer, name) for name in classes)
    assert ClipDataModule.__qualname__ in checkpoint


@pytest.mark.parametrize("name", ["half", "half-lora"])
def test_a_stored_run_resumes_as_if_it_had_never_been_stopped(
    stored_workspace: Workspace, name: str
) -> None:
    run = runs.find(stored_workspace, name)
    n_rows = len(metrics.read(run.folder))
    state = train(run)
    assert (state.state, state.step) == ("done", state.total_steps), state.error
    rows = metrics.read(run.folder)[n_rows:]
    losses = {row.step: row.loss for row in rows if row.loss is not None}
    assert losses == pytest.approx(EXPECTED[name], rel=1e-4)
    assert rows[-1].validation_loss == pytest.approx(VALIDATION_LOSS[name], rel=1e-4)
    weights_of(run)


def test_the_best_stored_lora_checkpoint_becomes_a_model(stored_workspace: Workspace) -> None:
    run = runs.find(stored_workspace, "half-lora")
    expected = weights_of(run)  # made by version 0.1
    run.model_path.unlink()
    (stored_workspace.models_dir / "mini.pt").unlink()  # its weights are in the checkpoint
    keep_best_checkpoint(run)
    weights = weights_of(run)
    assert weights.keys() == expected.keys()
    for key, value in weights.items():
        torch.testing.assert_close(value, expected[key])
