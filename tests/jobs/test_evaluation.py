"""Evaluation in the background, and the reports it saves."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab import dataset
from lab.asr.engine import Engine
from lab.asr.official_models import BY_NAME
from lab.asr.pool import EnginePool
from lab.core.errors import OptionsError
from lab.core.workspace import Workspace, write_json
from lab.dataset import Dataset
from lab.evaluation import report_files, store
from lab.evaluation.store import list_evaluations
from lab.jobs.evaluation import EvaluationJob, EvaluationQueue
from lab.training import runs
from lab.training.config import Config
from tests.support.fake_engine import FakeEngine, silent_dataset
from tests.support.waiting import wait_for


class _Pool(EnginePool):
    """Returns fake engines for the official models."""

    def get(self, name: str, **where: object) -> Engine:  # type: ignore[override]
        if name in BY_NAME:
            return FakeEngine(name, name)  # type: ignore[return-value]
        return super().get(name, **where)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def data(workspace: Workspace) -> Dataset:
    data = silent_dataset(workspace, *range(1, 7))
    edits = [(one, replace(one, transcription="sq 1 base", split="test")) for one in data.clips()]
    data.change(edits, what="test")
    return data


def test_models_are_evaluated_and_the_reports_saved(workspace: Workspace) -> None:
    queue = EvaluationQueue(_Pool())
    number = queue.submit(EvaluationJob(workspace, ("base", "tiny"), ("a",)))
    job = wait_for(queue, workspace, number)
    assert (job.state, job.error) == ("done", None)
    (kept,) = list_evaluations(workspace)
    assert (kept.id, kept.datasets) == (job.evaluation_id, ["a"])
    report = report_files.read(kept.report_dir("a"))
    assert [result.model for result in report.results] == ["base", "tiny"]
    assert store.find(workspace, kept.id) == kept
    store.delete(kept)
    store.delete(kept)  # from another tab
    assert list_evaluations(workspace) == []


def test_clips_a_run_was_trained_on_are_excluded(
    workspace: Workspace, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.create(workspace, Config(dataset="a"), name="mine")
    run.model_path.touch()
    known, *new = (entry.file_name for entry in data.clips())
    write_json(run.provenance_path, {"training_files": [known]})
    monkeypatch.setattr(
        "lab.jobs.evaluation.load_engine", lambda *_, **__: FakeEngine("mine", "mine")
    )
    queue = EvaluationQueue(_Pool())
    job = wait_for(
        queue, workspace, queue.submit(EvaluationJob(workspace, ("base", "mine"), ("a",)))
    )
    report = report_files.read(store.find(workspace, job.evaluation_id).report_dir("a"))
    assert [clip.file_name for clip in report.clips] == new
    assert report.n_trained_on == 1


def test_a_failed_evaluation_says_why_and_saves_nothing(
    workspace: Workspace, data: Dataset
) -> None:
    queue = EvaluationQueue(_Pool())
    number = queue.submit(EvaluationJob(workspace, ("base",), ("a",), split="train"))
    job = wait_for(queue, workspace, number)
    assert job.state == "failed"
    assert "split “train” of a has no clip with a text" in str(job.error)
    gone = wait_for(
        queue, workspace, queue.submit(EvaluationJob(workspace, ("no-such-run",), ("a",)))
    )
    assert "no model called “no-such-run”" in str(gone.error)
    dataset.delete(data)
    lost = wait_for(queue, workspace, queue.submit(EvaluationJob(workspace, ("base",), ("a",))))
    assert "no dataset" in str(lost.error)
    assert list_evaluations(workspace) == []


def test_an_id_never_becomes_a_path(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text("{}")
    with pytest.raises(OptionsError, match="does not exist"):
        store.find(workspace, "../..")
