"""The house stays in order: layers, no circles, one place for Streamlit and one for threads."""

import ast
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from tests.support.paths import ROOT

LAB = ROOT / "lab"
MAX_ROOMS = 20
MAX_LINES = 300


def modules() -> list[Path]:
    return sorted(LAB.rglob("*.py"))


def test_imports_run_one_way_and_only_the_ui_knows_streamlit() -> None:
    program = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


# Pools that share the arithmetic of one call; they hold no state between calls.
POOLS = {"asr/quantized_attention.py", "asr/speech.py"}
STARTERS = {"Thread", "Timer", "ThreadPoolExecutor", "ThreadPool", "start_new_thread"}


def test_threads_are_started_in_jobs_only() -> None:
    """However they are imported, called or derived from: by the name that starts them."""
    found = set()
    for path in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        used |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        used |= {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        if used & STARTERS:
            found.add(path.relative_to(LAB).as_posix())
    assert {name for name in found if not name.startswith("jobs/")} == POOLS


def test_every_folder_of_lab_is_a_package() -> None:
    """Where `__init__.py` is missing, the import contracts look away."""
    assert all((path.parent / "__init__.py").exists() for path in modules())


def test_folders_are_removed_in_one_place() -> None:
    removing = [path for path in modules() if "rmtree" in path.read_text(encoding="utf-8")]
    assert removing == [LAB / "core" / "workspace.py"]


def test_no_two_public_classes_have_the_same_name() -> None:
    places = defaultdict(list)
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not {name: where for name, where in places.items() if len(where) > 1}


def test_tests_do_not_import_from_benchmarks() -> None:
    importing = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("benchmarks"))
        or (
            isinstance(node, ast.Import)
            and any(alias.name.startswith("benchmarks") for alias in node.names)
        )
    ]
    assert not importing


def test_the_top_of_lab_is_short_and_so_is_every_module() -> None:
    rooms = [one for one in LAB.iterdir() if one.suffix == ".py" or (one / "__init__.py").exists()]
    assert len(rooms) <= MAX_ROOMS
    long = {
        str(path.relative_to(ROOT)): n_lines
        for path in modules()
        if (n_lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert not long


def test_importing_lab_is_light() -> None:
    heavy = "{'torch', 'numpy', 'librosa', 'whisper', 'streamlit', 'pandas'}"
    code = f"import sys, lab; found = {heavy} & set(sys.modules); assert not found, found"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
