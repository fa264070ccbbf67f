"""The package: public names, one version, dependencies that agree, and the console script."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

import lab
from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pinned(name: str) -> dict[str, Requirement]:
    """The requirements of a file by name, without those of files that it includes."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    texts = (line.partition("#")[0].strip() for line in lines)
    found = [Requirement(text) for text in texts if text and not text.startswith("-r")]
    return {one.name: one for one in found}


@pytest.mark.parametrize(
    ("file_name", "extras"), [("requirements.txt", ("app",)), ("requirements-dev.txt", ("dev",))]
)
def test_what_the_app_pins_is_what_the_package_asks_for(
    file_name: str, extras: tuple[str, ...]
) -> None:
    ranges = [] if extras == ("dev",) else [*PROJECT["dependencies"]]
    for extra in extras:
        ranges += PROJECT["optional-dependencies"][extra]
    asked = {one.name: one for one in map(Requirement, ranges)}
    pins = pinned(file_name)
    assert {name.lower() for name in pins} == {name.lower() for name in asked}
    for name, pin in pins.items():
        (version,) = (one.version for one in pin.specifier)
        assert asked[name].specifier.contains(version), f"{pin} is outside of {asked[name]}"
        assert str(asked[name].marker) == str(pin.marker)


def test_there_is_one_version() -> None:
    assert "version" in PROJECT["dynamic"]
    assert f"## {lab.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"version: {lab.__version__}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "lab", "--version"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.split()[-1] == lab.__version__


@pytest.mark.parametrize("name", lab.__all__)
def test_public_names_are_there_and_documented(name: str) -> None:
    public = getattr(lab, name)
    assert public.__module__ == lab._PUBLIC[name]
    assert re.search(r"^\s*>>> ", public.__doc__ or "", re.MULTILINE), "an example is missing"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        lab.nonsense  # noqa: B018


def test_the_package_is_typed_and_brings_its_data() -> None:
    data = PROJECT_TOOL["setuptools"]["package-data"]
    for package, patterns in data.items():
        folder = ROOT / package.replace(".", "/")
        for pattern in patterns:
            assert list(folder.glob(pattern)), f"{package} has no {pattern}"
    others = {
        path.suffix
        for path in (ROOT / "lab").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert others <= {".py", ".typed", ".png", ".css", ".html", ".js"}


PROJECT_TOOL = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]


def test_the_installed_console_script_is_ours() -> None:
    scripts = importlib.metadata.entry_points(group="console_scripts", name="lab")
    if not scripts:
        pytest.skip("the package is not installed here (pip install -e .)")
    assert {script.value for script in scripts} == {"lab.cli:main"}
