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
from lab.jobs.dataset_analysis import (
    DatasetAnalysisJob,
    DatasetAnalysisQueue,
    LanguageCheckJob,
    LanguageCheckQueue,
)
from lab.recordings.samples import list_samples
from tests.support.waiting import wait_for


class _Pool(EnginePool):
    """Returns the same engine for every model; fails for `missing`."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._tiny = engine

    def get(self, name: str, **_: object) -> Engine:
        if name == "missing":
            raise CheckpointError("There is no model called missing.")
        return self._tiny


@pytest.fixture
def data(workspace: Workspace) -> Dataset:
    clips = [(Path(one.audio_path).name, one.audio_path.read_bytes()) for one in list_samples()]
    return dataset.add(workspace, "a", clips, language="sq")[0]


def test_clips_are_measured_once(workspace: Workspace, data: Dataset) -> None:
    queue = DatasetAnalysisQueue()
    for _ in range(2):
        job = wait_for(queue, workspace, queue.submit(DatasetAnalysisJob(workspace, data)))
        assert (job.state, job.progress) == ("done", 1.0)
        assert set(load_audio_stats(data)) == {one.file_name for one in data.clips()}


def test_detected_languages_are_saved(
    workspace: Workspace, data: Dataset, tiny_engine: Engine
) -> None:
    queue = LanguageCheckQueue(_Pool(tiny_engine))
    job = wait_for(
        queue, workspace, queue.submit(LanguageCheckJob(workspace, data, "tiny", n_clips=3))
    )
    assert job.state == "done"
    checked = language_check.load(data)
    assert checked is not None
    assert (checked.model, len(checked.clips)) == ("tiny", 3)


def test_without_a_model_or_a_clip_the_job_fails_and_says_why(
    workspace: Workspace, data: Dataset, tiny_engine: Engine
) -> None:
    queue = LanguageCheckQueue(_Pool(tiny_engine))
    failed = wait_for(queue, workspace, queue.submit(LanguageCheckJob(workspace, data, "missing")))
    assert "no model called missing" in str(failed.error)
    unknown, _ = dataset.add(workspace, "b", [("a.wav", b"a")], language="als")
    failed = wait_for(queue, workspace, queue.submit(LanguageCheckJob(workspace, unknown, "tiny")))
    assert "nothing to check" in str(failed.error)
    assert language_check.load(data) is None
