"""Listening in the background: what was measured or heard is kept, however it ends."""

from pathlib import Path

import pytest

from lab import dataset
from lab.asr.engine import Engine
from lab.asr.pool import EnginePool
from lab.core.errors import CheckpointError
from lab.core.workspace import Workspace
from lab.dataset import Dataset, guard
from lab.dataset.sounds import known_sounds
from lab.jobs.dataset_checks import ExamineQueue, GuardQueue
from lab.recordings.samples import list_samples
from tests.support.waiting import wait_for


class _Pool(EnginePool):
    """Hands out one engine, and has none called `missing`."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._tiny = engine

    def get(self, name: str, **_: object) -> Engine:
        if name == "missing":
            raise CheckpointError("There is no model called missing.")
        return self._tiny


@pytest.fixture
def made(workspace: Workspace) -> Dataset:
    clips = [(Path(one.audio_path).name, one.audio_path.read_bytes()) for one in list_samples()]
    return dataset.add(workspace, "a", clips, language="sq")[0]


def test_sound_is_measured_once(workspace: Workspace, made: Dataset) -> None:
    queue = ExamineQueue()
    for _ in range(2):
        job = wait_for(queue, workspace, queue.submit(workspace, made))
        assert (job.state, job.share) == ("done", 1.0)
        assert set(known_sounds(made)) == {one.file_name for one in made.entries()}


def test_the_language_is_heard_and_kept(
    workspace: Workspace, made: Dataset, tiny_engine: Engine
) -> None:
    queue = GuardQueue(_Pool(tiny_engine))
    job = wait_for(queue, workspace, queue.submit(workspace, made, "tiny", n_clips=3))
    assert job.state == "done"
    listened = guard.load(made)
    assert listened is not None
    assert (listened.model, len(listened.heard)) == ("tiny", 3)


def test_without_a_model_or_a_clip_it_fails_with_a_sentence(
    workspace: Workspace, made: Dataset, tiny_engine: Engine
) -> None:
    queue = GuardQueue(_Pool(tiny_engine))
    failed = wait_for(queue, workspace, queue.submit(workspace, made, "missing"))
    assert "no model called missing" in str(failed.error)
    unknown, _ = dataset.add(workspace, "b", [("a.wav", b"a")], language="als")
    failed = wait_for(queue, workspace, queue.submit(workspace, unknown, "tiny"))
    assert "no clip to listen to" in str(failed.error)
    assert guard.load(made) is None
