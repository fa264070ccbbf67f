"""Finding, loading and publishing the models of runs."""

from pathlib import Path

import pytest
import torch

from lab.asr import checkpoints, weights
from lab.core.errors import CheckpointError, OptionsError
from lab.core.workspace import Workspace, write_json
from lab.training import runs
from lab.training.config import Config
from lab.training.models import find_run, load_engine, load_model, publish, training_files_of
from lab.training.run import Run
from tests.support.whispers import outputs, payload, random_model

TUNED = random_model(seed=1)


@pytest.fixture
def run(workspace: Workspace) -> Run:
    made = runs.create(workspace, Config(dataset="shqip"), name="shqip-1")
    torch.save(payload(TUNED), made.model_path)
    return made


def test_a_published_model_is_listed_and_outlives_its_run(workspace: Workspace, run: Run) -> None:
    info = publish(run, "shqip", workspace.models_dir, card="# shqip\n")
    runs.delete(run)
    assert info in checkpoints.list_models(workspace.models_dir)
    loaded = checkpoints.load("shqip", models_dir=workspace.models_dir)
    assert torch.equal(outputs(loaded), outputs(TUNED))
    assert (workspace.models_dir / "shqip.md").read_text() == "# shqip\n"


def test_publishing_never_replaces_another_model(workspace: Workspace, run: Run) -> None:
    publish(run, "shqip", workspace.models_dir)
    runs.create(workspace, Config(dataset="shqip"), name="other")
    torch.save(payload(random_model(seed=2)), run.model_path)
    for name in ("shqip", "SHQIP", "base", "../shqip", "other", "Other"):
        with pytest.raises(OptionsError):
            publish(run, name, workspace.models_dir, card="# other\n")
    loaded = checkpoints.load("shqip", models_dir=workspace.models_dir)
    assert torch.equal(outputs(loaded), outputs(TUNED))
    assert not (workspace.models_dir / "shqip.md").exists()
    assert publish(run, run.name, workspace.models_dir).name == run.name


def test_a_damaged_model_is_not_published(workspace: Workspace, run: Run) -> None:
    run.model_path.write_bytes(run.model_path.read_bytes()[:1000])
    with pytest.raises(CheckpointError):
        publish(run, "shqip", workspace.models_dir)
    assert checkpoints.list_models(workspace.models_dir) == checkpoints.list_models()


def test_a_model_is_loaded_by_name_run_or_path(
    workspace: Workspace, run: Run, tmp_path: Path
) -> None:
    publish(run, "published", workspace.models_dir)
    (tmp_path / "elsewhere").mkdir()
    torch.save(payload(TUNED), tmp_path / "elsewhere" / "model.pt")
    named = ["published", "shqip-1", run.folder, run.model_path, tmp_path / "elsewhere"]
    for one in named:
        assert torch.equal(outputs(load_model(workspace, str(one))), outputs(TUNED))
    assert find_run(workspace, str(run.folder)) == find_run(workspace, "shqip-1") == run
    assert find_run(workspace, "published") is None


def test_a_missing_model_is_refused(workspace: Workspace, run: Run) -> None:
    with pytest.raises(CheckpointError, match="no model called “nothing”"):
        load_model(workspace, "nothing")
    run.model_path.unlink()
    with pytest.raises(CheckpointError, match="has no model yet"):
        load_model(workspace, "shqip-1")


def test_a_run_takes_precedence_over_a_model_of_the_same_name(
    workspace: Workspace, run: Run, tmp_path: Path
) -> None:
    other = random_model(seed=2)
    torch.save(payload(other), tmp_path / "other.pt")
    checkpoints.add(tmp_path / "other.pt", name=run.name, models_dir=workspace.models_dir)
    assert torch.equal(outputs(load_model(workspace, run.name)), outputs(TUNED))
    by_name, by_path = (load_engine(workspace, str(one)) for one in (run.name, run.model_path))
    assert (by_name.name, by_name.fingerprint) == (by_path.name, by_path.fingerprint)
    run.model_path.unlink()  # as during training
    assert torch.equal(outputs(load_model(workspace, run.name)), outputs(other))
    assert find_run(workspace, run.name) is None  # or its card would be taken for the model's


def test_training_files_are_known_for_runs_and_models_published_from_them(
    workspace: Workspace, run: Run
) -> None:
    weights.save(weights.read(run.model_path), run.model_path)  # as a training does
    write_json(run.provenance_path, {"training_files": ["a.wav"]})
    publish(run, "published", workspace.models_dir)
    of_first = {"shqip": frozenset({"a.wav"})}
    for named in (run.name, run.folder, "published", workspace.models_dir / "published.pt"):
        assert training_files_of(workspace, [str(named)]) == of_first
    assert training_files_of(workspace, ["base", "nothing"]) == {}
    second = runs.create(workspace, Config(dataset="shqip", model="published"), name="second")
    write_json(second.provenance_path, {"training_files": ["b.wav"]})
    second.model_path.touch()
    of_both = {"shqip": frozenset({"a.wav", "b.wav"})}
    assert (
        training_files_of(workspace, ["second"])
        == training_files_of(workspace, ["base", "second"])
        == of_both
    )
