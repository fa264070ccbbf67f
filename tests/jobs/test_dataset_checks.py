"""Dataset analysis and language checks in the background."""

from pathlib import Path

import pytest

from lab import dataset
from lab.asr.engine import Engine
from lab.asr.pool import EnginePool
from lab.core.errors import CheckpointError
from lab.core.workspace import Workspace
from lab.dataset import Dataset, language_check
from lab.dataset.audio_stats import load_audio_stats
from lab.jobs.dataset_checks import (
    DatasetAnalysisJob,
    DatasetAnalysisQueue,
    LanguageCheckJob,
    LanguageCheckQueue,
)
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


def test_clips_are_measured_once(workspace: Workspace, made: Dataset) -> None:
    queue = DatasetAnalysisQueue()
    for _ in range(2):
        job = wait_for(queue, workspace, queue.submit(DatasetAnalysisJob(workspace, made)))
        assert (job.state, job.progress) == ("done", 1.0)
        assert set(load_audio_stats(made)) == {one.file_name for one in made.clips()}


def test_detected_languages_are_saved(
    workspace: Workspace, made: Dataset, tiny_engine: Engine
) -> None:
    queue = LanguageCheckQueue(_Pool(tiny_engine))
    job = wait_for(
        queue, workspace, queue.submit(LanguageCheckJob(workspace, made, "tiny", n_clips=3))
    )
    assert job.state == "done"
    listened = language_check.load(made)
    assert listened is not None
    assert (listened.model, len(listened.clips)) == ("tiny", 3)


def test_without_a_model_or_a_clip_the_job_fails_and_says_why(
    workspace: Workspace, made: Dataset, tiny_engine: Engine
) -> None:
    queue = LanguageCheckQueue(_Pool(tiny_engine))
    failed = wait_for(queue, workspace, queue.submit(LanguageCheckJob(workspace, made, "missing")))
    assert "no model called missing" in str(failed.error)
    unknown, _ = dataset.add(workspace, "b", [("a.wav", b"a")], language="als")
    failed = wait_for(queue, workspace, queue.submit(LanguageCheckJob(workspace, unknown, "tiny")))
    assert "nothing to check" in str(failed.error)
    assert language_check.load(made) is None
