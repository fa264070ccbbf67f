"""What the tests share: a workspace, random engines, the real one, real speech, a browser."""

import lab  # noqa: F401, I001 - sets what torch reads when it is loaded

import os
import shutil
import tarfile
from pathlib import Path

import pytest
from hypothesis import settings
from whisper.model import Whisper

from lab.asr import checkpoints
from lab.asr.devices import best_device, cpu_device
from lab.asr.engine import Engine
from lab.core.workspace import Workspace
from tests.support.paths import ROOT
from tests.support.speech import Utterance, prompts_or_skip
from tests.support.whispers import talking_model

# The same examples in every run, so that a red run is the change's own;
# HYPOTHESIS_PROFILE=exploring looks for new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("exploring", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what several workers may not tear apart, and what they begin with.

    Tests of a file whose fixtures are for the whole file, such as a server, stay together. Browser
    journeys come first: they are long, and would be waited for if one worker began them last.
    """
    shared = ("tests/ui", "tests/health", "tests/test_privacy.py")
    journeys = set()
    for item in items:
        name = item.path.relative_to(ROOT).as_posix()
        if name.startswith(shared):
            item.add_marker(pytest.mark.xdist_group(name))
        if item.get_closest_marker("browser"):
            journeys.add(item.path)
    items.sort(key=lambda item: item.path not in journeys)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def stored_workspace(tmp_path: Path) -> Workspace:
    """A workspace of version 0.1 with everything in it, at another path than it had then."""
    with tarfile.open(ROOT / "tests" / "data" / "workspace-0.1.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def tiny_model() -> Whisper:
    """A random model of its own; it may be changed."""
    return talking_model()


@pytest.fixture(scope="session")
def tiny_engine() -> Engine:
    """A random model with Whisper's full contexts, in float32 on the CPU."""
    return Engine(talking_model(), name="random", device=cpu_device())


@pytest.fixture(scope="session")
def openai_base() -> Whisper:
    """Whisper base as openai-whisper runs it: the reference."""
    return checkpoints.load("base")


@pytest.fixture(scope="session")
def base_engine() -> Engine:
    """Whisper base where it is comparable to openai-whisper: float32 on the CPU."""
    return Engine.load("base", device=cpu_device())


@pytest.fixture(scope="session")
def fast_engine() -> Engine:
    """Whisper base as the app runs it on this machine."""
    return Engine.load("base", device=best_device())


@pytest.fixture(scope="session")
def english_prompts() -> list[Utterance]:
    return prompts_or_skip("en")


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The program that drives the app: $CHROMIUM, or what is installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(names)} is installed, and $CHROMIUM is unset")
    return Path(found)
