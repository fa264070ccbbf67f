"""The promises of the set-up: `make setup`, `make run`, the pinned packages, the configuration.

Where a set-up is really made, it is of an empty requirements file: no network, a few seconds.
"""

import ast
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT

PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][0-9A-Za-z.]*(; .+)?")
PYTHON_NAMES = ("python3", "python3.11", "python3.12", "python3.13", "python3.14", "python")


def requirements(name: str) -> list[str]:
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("-r ")]


def distribution_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project like ours that needs no packages, in a folder with a space in its name."""
    folder = tmp_path / "my project"
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "requirements.txt").write_text("# nothing\n")
    (folder / "requirements-dev.txt").write_text("-r requirements.txt\n")
    return folder


def make(project: Path, *words: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    # These tests may themselves run under make: its variables must not reach theirs.
    ours = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "PORT", "HOST")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment["PATH"] = environment["PATH"] if path is None else path
    command = [shutil.which("make") or "make", *words]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


def error_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a person reads, beside make's own."""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode != 0
    assert len(lines) == 1, done.stderr
    return lines[0]


# --- setting up ---


def test_a_second_set_up_installs_nothing_until_the_requirements_change(project: Path) -> None:
    python = f"PYTHON={sys.executable}"
    first = make(project, "setup", python)
    assert first.returncode == 0, first.stderr
    assert "Creating .venv with Python" in first.stdout
    assert "Installing packages" in first.stdout

    second = make(project, "setup", python)
    assert second.stdout == "Nothing changed: the set-up is up to date.\n"

    missing = project / "missing.whl"
    (project / "requirements.txt").write_text(f"missing @ {missing.as_uri()}\n")
    for _ in range(2):  # a set-up that failed is never taken for a finished one
        failed = make(project, "setup", python)
        assert "Creating .venv" not in failed.stdout
        assert re.match(r"Installing packages failed: .+ The whole log: ", error_line(failed))


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
def test_only_an_old_python_is_named_in_one_line(project: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in ("sh", "env"):
        (programs / tool).symlink_to(shutil.which(tool) or tool)
    for name in PYTHON_NAMES:
        old = programs / name
        old.write_text("#!/bin/sh\necho Python 3.9.18\nexit 1\n")
        old.chmod(old.stat().st_mode | stat.S_IXUSR)

    line = error_line(make(project, "run", path=str(programs)))
    assert line.startswith("Whisper AI Lab needs Python 3.11 to 3.14, but python3 is Python 3.9.18")
    assert not (project / ".venv").exists()


def test_a_python_that_is_not_there_is_named(project: Path) -> None:
    line = error_line(make(project, "setup", "PYTHON=/no/such/python"))
    assert "/no/such/python cannot be run" in line


def test_a_taken_port_is_told_before_anything_is_installed(project: Path) -> None:
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
        line = error_line(make(project, "run", f"PORT={port}", f"PYTHON={sys.executable}"))
    assert line.startswith(f"Port {port} is in use")
    assert re.search(r"make run PORT=\d+$", line)
    assert not (project / ".venv").exists()


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", ""])
def test_a_port_that_is_no_port_is_told(project: Path, port: str) -> None:
    line = error_line(make(project, "run", f"PORT={port}", f"PYTHON={sys.executable}"))
    assert line.startswith("PORT must be a number from 1 to 65535")


def test_make_alone_lists_every_target() -> None:
    targets = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets is not None
    listed = [line.split()[1] for line in make(ROOT).stdout.splitlines()]
    assert listed == targets[1].split()


# --- what is installed ---


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned(name: str) -> None:
    lines = requirements(name)
    assert lines
    assert [line for line in lines if not PIN.fullmatch(line)] == []


def test_torch_is_the_version_that_was_tested() -> None:
    assert "torch==2.13.0" in requirements("requirements.txt")


def imported_packages(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").split(".")[0]


def test_every_package_that_the_app_imports_is_a_requirement() -> None:
    files = [ROOT / "streamlit_app.py", *ROOT.glob("pages/*.py"), *ROOT.glob("lab/**/*.py")]
    imported = {name for path in files if path.exists() for name in imported_packages(path)}
    installed = packages_distributions()
    required = {distribution_name(line.split("==")[0]) for line in requirements("requirements.txt")}
    missing = {
        name
        for name in imported & installed.keys()
        if name not in sys.stdlib_module_names
        and not required & {distribution_name(each) for each in installed[name]}
    }
    assert missing == set()


def test_anaconda_installs_the_same_packages() -> None:
    text = (ROOT / "environment.yml").read_text()
    assert re.search(r"^ +- pip:\n +- -r requirements\.txt$", text, re.MULTILINE)
    python = re.search(r"python=(3\.\d+)$", text, re.MULTILINE)
    assert python is not None
    assert python[1] in ("3.11", "3.12", "3.13", "3.14")


def test_packages_txt_is_names_only() -> None:
    """Community Cloud hands its words to apt-get: a comment would be taken for packages."""
    lines = (ROOT / "packages.txt").read_text().splitlines()
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", line)] == []


# --- how Streamlit is set ---


def flattened(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_streamlit_knows_every_option_that_we_set() -> None:
    from streamlit.config import get_config_options

    options = list(flattened(tomllib.loads((ROOT / ".streamlit/config.toml").read_text())))
    assert options
    assert set(options) - get_config_options().keys() == set()


def test_what_is_tested_again_for_avx2_exists() -> None:
    source = (ROOT / "scripts" / "setup.py").read_text(encoding="utf-8")
    (named,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "AVX2_TESTS"
    )
    for test in named:
        path, _, function = test.partition("::")
        assert (ROOT / path).exists(), test
        if function:
            assert f"def {function}(" in (ROOT / path).read_text(encoding="utf-8"), test
