"""What `make setup`, `run`, `test`, `check`, `lint` and `format` do.

Standard library only: this runs before anything is installed. Without make, on Windows say, it
does the same: `python scripts/setup.py run`.
"""

import argparse
import hashlib
import importlib.util
import os
import platform
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = str(VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
LOG = VENV / "install.log"
PYTHON_VERSION = "{}.{}".format(*sys.version_info[:2])
APP = "requirements.txt"
APP_AND_TESTS = "requirements-dev.txt"

# What pip's log says when a package index was not reached.
OFFLINE = re.compile(
    r"NewConnectionError|NameResolutionError|ProxyError|ConnectTimeout|ReadTimeout"
    r"|Failed to establish a new connection|Connection (refused|reset|broken)"
)
LARGE_DOWNLOAD = re.compile(r"\s*Downloading (?P<name>.+?)-\d.* \((?P<size>\d{2,}(\.\d+)? [MG]B)\)")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")

# Most laptops and most free hosting have AVX2 and no more. A newer CPU is held to that, by the
# libraries that choose their instructions themselves: torch, its oneDNN and MKL, CTranslate2, numba
# (whose second variable takes away what the first would add of this machine's own).
AVX2_ONLY = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "CT2_FORCE_CPU_ISA": "AVX2",
    "NUMBA_CPU_NAME": "x86-64-v3",
    "NUMBA_CPU_FEATURES": "",
}
# What depends on instructions: recognition, and the smallest training that chooses its precision.
AVX2_TESTS = (
    "tests/asr",
    "tests/training/test_train.py::test_the_precision_is_chosen_for_the_machine",
)


def say(message: str) -> None:
    print(message, flush=True)


def stop(message: str) -> NoReturn:
    sys.exit(message)


# --- .venv and its packages ---


def prepare(requirements: str) -> None:
    """Update .venv to a requirements file; quick when nothing has changed."""
    if venv_version() != PYTHON_VERSION:
        make_venv()
    if installed(requirements):
        say("Nothing changed: the set-up is up to date.")
        return
    install(requirements)


def venv_version() -> str | None:
    """.venv's Python version; None if there is none, its Python is gone, or pip is not in it."""
    probe = "import pip, sys; print('{}.{}'.format(*sys.version_info[:2]))"
    try:
        done = subprocess.run([VENV_PYTHON, "-c", probe], capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def make_venv() -> None:
    # Debian and Ubuntu ship Python without this part.
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        stop(
            f"This Python {PYTHON_VERSION} cannot create virtual environments. "
            f"On Debian or Ubuntu: sudo apt install python{PYTHON_VERSION}-venv"
        )
    again = " again" if VENV.exists() else ""
    say(f"Creating .venv{again} with Python {PYTHON_VERSION} …")
    if subprocess.call([sys.executable, "-m", "venv", "--clear", VENV]) != 0:
        stop(f"Creating {VENV} failed, see above. Is the folder writable? Is the disk full?")


def requirement_files(name: str) -> list[Path]:
    """A requirements file and those that it includes."""
    path = ROOT / name
    included = re.findall(r"^-r (\S+)", path.read_text(), re.MULTILINE)
    return [path, *(file for child in included for file in requirement_files(child))]


def fingerprint(requirements: str) -> str:
    """Changes when what would be installed changes."""
    digest = hashlib.sha256(f"{PYTHON_VERSION} {sys.platform} {platform.machine()}".encode())
    for path in requirement_files(requirements):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def stamp(requirements: str) -> Path:
    """Holds the fingerprint of what was installed to the end."""
    return VENV / f".installed-{requirements}"


def installed(requirements: str) -> bool:
    mark = stamp(requirements)
    return mark.exists() and mark.read_text() == fingerprint(requirements)


def install(requirements: str) -> None:
    say("Installing packages (2 to 10 minutes the first time) …")
    stamp(requirements).unlink(missing_ok=True)
    command = [VENV_PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    with (
        LOG.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            [*command, "-r", ROOT / requirements],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as pip,
    ):
        assert pip.stdout is not None  # it is a pipe
        for line in pip.stdout:
            log.write(line)
            if large := LARGE_DOWNLOAD.match(line):
                say(f"  downloading {large['name']}, {large['size']}")
            elif line.startswith("Installing collected packages:"):
                say(f"  unpacking {line.count(',') + 1} packages")
    if pip.returncode != 0:
        stop(f"Installing packages failed: {reason()}. The whole log: {LOG}")
    for path in requirement_files(requirements):
        stamp(path.name).write_text(fingerprint(path.name))


def reason() -> str:
    """Why pip failed, in one clause, from its log."""
    text = LOG.read_text(encoding="utf-8")
    if OFFLINE.search(text):
        return "the package index could not be reached (is this machine online?)"
    if "No space left on device" in text:
        return "the disk is full"
    errors = re.findall(r"^\s*ERROR: (.+?)\.?$", text, re.MULTILINE)
    return errors[-1] if errors else "pip stopped"


# --- the app ---


def run_app(host: str, port: int) -> None:
    if in_use(host, port):
        free = next((p for p in range(port + 1, 65536) if not in_use(host, p)), 8501)
        stop(
            f"Port {port} is in use, perhaps by Whisper AI Lab in another window. "
            f"Use another one: make run PORT={free}"
        )
    prepare(APP)
    say(f"Starting Whisper AI Lab on http://{host}:{port} (Ctrl+C stops it) …")
    options = ["--server.address", host, "--server.port", str(port)]
    command = [VENV_PYTHON, "-m", "streamlit", "run", "streamlit_app.py", *options]
    os.chdir(ROOT)
    if os.name == "nt":  # where exec hands the prompt back at once
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


def in_use(host: str, port: int) -> bool:
    """Whether something answers there."""
    target = "localhost" if host in ("0.0.0.0", "::") else host
    try:
        with socket.create_connection((target, port), timeout=0.5):
            return True
    except OSError:
        return False


def port_number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        stop(f"PORT must be a number from 1 to 65535, not {text!r}. Try: make run PORT=8502")
    return int(text)


# --- the checks ---


# tests/conftest.py says which tests stay together; each worker takes about 2 GB.
WORKERS = min(os.cpu_count() or 1, 4)
PYTEST = f"pytest -n {WORKERS} --dist loadgroup --no-loadscope-reorder"
# The fast loop leaves out what needs the real weights, a browser, or patience.
FAST = f'{PYTEST} -m "not real and not browser and not slow"'
LINT = ("ruff check .", "ruff format --check .", "mypy")


def check(*commands: str) -> None:
    """Run style and type checks and these pytest commands; all of them, even when one fails."""
    prepare(APP_AND_TESTS)
    run_all([(command, {}) for command in (*LINT, *commands)])


def test() -> None:
    """Run every check and every test, and what depends on the CPU once more, limited to AVX2."""
    prepare(APP_AND_TESTS)
    chromium = find_chromium() or install_chromium()
    # The tests take the browser from here, so that both look at the same one.
    browser = {"CHROMIUM": chromium} if chromium else {}
    commands = [*((command, {}) for command in LINT), (PYTEST, browser)]
    if has_avx512():
        commands.append((f"{PYTEST} {' '.join(AVX2_TESTS)}", AVX2_ONLY))
    else:
        say("No second run limited to AVX2: torch uses no more than that here.")
    try:
        run_all(commands)
    finally:
        if chromium is None:
            say(f"\nNot run: the browser tests, as Chromium is missing. {chromium_advice()}")


def run_all(commands: Sequence[tuple[str, Mapping[str, str]]]) -> None:
    """Run commands with the variables of each; stop with a list of those that failed."""
    failed = []
    for command, variables in commands:
        limits = [f"{name}={variables[name]}" for name in AVX2_ONLY if name in variables]
        line = " ".join([*limits, command])
        say(f"\n{line}")
        call = [VENV_PYTHON, "-m", *shlex.split(command)]
        if subprocess.call(call, cwd=ROOT, env={**os.environ, **variables}) != 0:
            failed.append(line)
    if failed:
        stop(f"\nFailed: {', '.join(failed)}")


def has_avx512() -> bool:
    """Whether torch computes with more than AVX2 here, so that it can be held to AVX2."""
    ask = "import torch; print(torch.backends.cpu.get_cpu_capability())"
    free = {name: value for name, value in os.environ.items() if name not in AVX2_ONLY}
    call = [VENV_PYTHON, "-c", ask]
    done = subprocess.run(call, capture_output=True, text=True, env=free, check=True)
    return done.stdout.startswith("AVX512")


def tidy() -> None:
    prepare(APP_AND_TESTS)
    for command in ("ruff check --fix --quiet .", "ruff format ."):
        subprocess.call([VENV_PYTHON, "-m", *command.split()], cwd=ROOT)


def find_chromium() -> str | None:
    for name in (os.environ.get("CHROMIUM", ""), *CHROMIUM_NAMES):
        path = shutil.which(name)
        # Ubuntu's chromium-browser is there but only says that it is a snap: ask it.
        if path and subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    return None


def install_chromium() -> str | None:
    """Install Chromium where no permission is needed: as root on Debian."""
    may_install = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")
    if not may_install or on_ubuntu():
        return None
    say("Installing Chromium for the browser tests …")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in ("update", "install -y --no-install-recommends chromium"):
        call = ["apt-get", "-qq", *shlex.split(command)]
        subprocess.call(call, env=environment, stdout=subprocess.DEVNULL)
    return find_chromium()


def on_ubuntu() -> bool:
    """Whether apt's Chromium is an empty package that wants a snap."""
    try:
        return "ubuntu" in Path("/etc/os-release").read_text()
    except OSError:
        return False


def chromium_advice() -> str:
    if platform.system() == "Linux":
        return f"sudo {'snap' if on_ubuntu() else 'apt'} install chromium"
    return "install Chrome or Chromium and run: CHROMIUM=/path/to/its/program make test"


def main() -> None:
    parser = argparse.ArgumentParser(description="Set up, start and check Whisper AI Lab.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("setup", "test", "check", "lint", "format"):
        commands.add_parser(name)
    run = commands.add_parser("run")
    run.add_argument("--host", default="localhost")
    run.add_argument("--port", default="8501")
    options = parser.parse_args()
    try:
        match options.command:
            case "setup":
                prepare(APP)
            case "run":
                run_app(options.host, port_number(options.port))
            case "test":
                test()
            case "check":
                check(FAST)
            case "lint":
                check()
            case "format":
                tidy()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
