"""The documentation is true: its Python runs, its links lead somewhere, its tables are current."""

import doctest
import importlib
import os
import re
from pathlib import Path

import pytest

import lab
from lab.core.workspace import ENVIRONMENT_VARIABLE
from scripts import modules
from tests.support.paths import ROOT

PAGES = sorted(
    path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if path.name != "LICENSE.md"
)


def blocks(page: Path) -> str:
    """All Python of a page, in its order."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the samples, from where a notebook would run, and a workspace of its own."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "workspace"))
    return tmp_path


@pytest.mark.real
@pytest.mark.slow
def test_the_tutorial_runs_from_a_recording_to_a_better_model(elsewhere: Path) -> None:
    exec(compile(blocks(ROOT / "docs" / "tutorial.md"), "tutorial.md", "exec"), {})
    assert list((elsewhere / "workspace" / "models").glob("*.pt"))


@pytest.mark.real
def test_the_examples_of_the_readme_run(elsewhere: Path) -> None:
    """But training, which needs a dataset; the tutorial has that too."""
    before_training = blocks(ROOT / "README.md").partition("from lab import Config")[0]
    exec(compile(before_training, "README.md", "exec"), {})
    assert list((elsewhere / "clips").glob("*.wav"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if not target.startswith(("http", "mailto:"))]
    missing = [target for target in local if not (page.parent / target).exists()]
    assert not missing


def test_the_list_of_modules_is_current() -> None:
    assert modules.PAGE.read_text(encoding="utf-8") == modules.page(), (
        "run: python -m scripts.modules"
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.real] if name == "lab.asr.engine" else [])
        for name in sorted({*lab._PUBLIC.values(), "lab"})
    ],
)
def test_examples_in_docstrings_hold(name: str, elsewhere: Path) -> None:  # noqa: ARG001
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert result.attempted
    assert not result.failed


def test_every_command_in_the_readme_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for module in re.findall(r"python -m ((?:benchmarks|scripts)\.\w+)", text):
        assert (ROOT / f"{module.replace('.', os.sep)}.py").exists(), module
