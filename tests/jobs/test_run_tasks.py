"""Tasks for the models of runs in the background."""

import pytest
import torch
from whisper.model import Whisper

from lab.asr import weights
from lab.asr.checkpoints import list_models
from lab.core.workspace import Workspace, remove
from lab.export.store import export_dir, list_exports
from lab.export.verification import read_verification
from lab.jobs.run_tasks import RunTaskJob, RunTaskQueue, Task
from lab.training import runs
from lab.training.config import Config
from lab.training.run import Run
from tests.support.waiting import wait_for
from tests.support.whispers import TINY, outputs, payload, talking_model


@pytest.fixture
def run(workspace: Workspace) -> Run:
    made = runs.create(workspace, Config(dataset="gone"), name="mine")
    torch.save(payload(talking_model(TINY)), made.model_path)
    return made


@pytest.fixture
def queue() -> RunTaskQueue:
    return RunTaskQueue()


@pytest.mark.parametrize(
    ("task", "unit"),
    [
        ("keep", "selection of the best checkpoint"),
        ("evaluate", "evaluation"),
        ("health", "regression check"),
        ("publish", "publication"),
        ("export", "export"),
    ],
)
def test_messages_name_the_task(
    queue: RunTaskQueue,
    workspace: Workspace,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    task: Task,
    unit: str,
) -> None:
    def run_out_of_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(queue, "_run_task", run_out_of_memory)
    job = wait_for(queue, workspace, queue.submit(RunTaskJob(workspace, run, task)))
    assert job.error == f"This {unit} ran out of memory. {queue.memory_advice}"


def test_a_published_model_is_listed_under_its_name_and_has_a_card(
    queue: RunTaskQueue, workspace: Workspace, run: Run
) -> None:
    job = wait_for(
        queue, workspace, queue.submit(RunTaskJob(workspace, run, "publish", name="albanian"))
    )
    assert (job.state, job.error) == ("done", None)
    assert "albanian" in [info.name for info in list_models(workspace.models_dir)]
    assert "# albanian" in (workspace.models_dir / "albanian.md").read_text()
    again = wait_for(
        queue, workspace, queue.submit(RunTaskJob(workspace, run, "publish", name="albanian"))
    )
    assert again.state == "failed"
    evil = wait_for(
        queue, workspace, queue.submit(RunTaskJob(workspace, run, "publish", name="../evil"))
    )
    assert evil.state == "failed"
    assert not (workspace.root / "evil.pt").exists()


def test_an_export_is_verified_and_saved_until_it_is_deleted(
    queue: RunTaskQueue, workspace: Workspace, run: Run
) -> None:
    number = queue.submit(
        RunTaskJob(workspace, run, "export", file_format="openai", precision="float16")
    )
    job = wait_for(queue, workspace, number)
    assert (job.state, job.error) == ("done", None)
    folder = export_dir(workspace, run, "openai", "float16")
    assert read_verification(folder) == job.verification
    assert "no clips to transcribe" in read_verification(folder).sentence  # no dataset
    remove(folder)
    remove(folder)  # from another tab
    assert not folder.exists()


def test_an_export_of_other_weights_is_not_listed_and_is_replaced(
    queue: RunTaskQueue, workspace: Workspace, run: Run
) -> None:
    def export() -> RunTaskJob:
        number = queue.submit(
            RunTaskJob(workspace, run, "export", file_format="openai", precision="float32")
        )
        return wait_for(queue, workspace, number)

    def exported() -> Whisper:
        return weights.build(weights.read(list_exports(workspace, run)[key]), label="the export")

    key = "openai", "float32"
    assert export().state == "done"
    first = exported()
    assert "already exists" in str(export().error)
    runs.delete(run)
    runs.create(workspace, Config(dataset="gone"), name="mine")
    assert list_exports(workspace, run) == {}
    second = talking_model(TINY, seed=1)
    torch.save(payload(second), run.model_path)
    assert list_exports(workspace, run) == {}
    assert export().state == "done"
    assert torch.equal(outputs(exported()), outputs(second))
    assert not torch.equal(outputs(exported()), outputs(first))


def test_tasks_do_not_recreate_a_deleted_run(
    queue: RunTaskQueue, workspace: Workspace, run: Run
) -> None:
    runs.delete(run)
    for task in ("keep", "evaluate", "health", "publish", "export"):
        job = wait_for(queue, workspace, queue.submit(RunTaskJob(workspace, run, task)))  # type: ignore[arg-type]
        assert job.state == "failed"
    assert not run.folder.exists()


def test_tasks_of_a_run_without_a_model_fail(queue: RunTaskQueue, workspace: Workspace) -> None:
    empty = runs.create(workspace, Config(dataset="a"), name="empty")
    for task in ("evaluate", "health", "publish", "export"):
        job = wait_for(queue, workspace, queue.submit(RunTaskJob(workspace, empty, task)))  # type: ignore[arg-type]
        assert "has no model yet" in str(job.error)
