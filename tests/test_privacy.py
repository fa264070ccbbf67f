"""No recording leaves the machine, and no library reports what is done with it."""

import asyncio
import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.recordings.samples import list_samples
from tests.support.app_server import ROOT, STREAMLIT, serve
from tests.support.tabs import Tab, transcribe, workspace_with_speech

pytestmark = pytest.mark.real

# As strace writes the address that a call names.
_ADDRESS = re.compile(r'inet_addr\("(?P<v4>[^"]+)"\)|inet_pton\(AF_INET6, "(?P<v6>[^"]+)"')


@pytest.fixture(autouse=True)
def _as_at_a_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing `lab` has set these here, for all processes that are started from here too."""
    for name in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        monkeypatch.delenv(name, raising=False)


def _tracing(trace: Path) -> list[str]:
    """The beginning of a command whose connections are written to `trace`.

    The command itself is the child, and strace another process (`-D`): it gets the signals.
    """
    calls = "trace=connect,sendto,sendmsg,sendmmsg"
    command = [shutil.which("strace") or "", "-D", "-f", "--seccomp-bpf", "-qq", "-e", calls, "-o"]
    if not command[0] or subprocess.run([*command, os.devnull, "true"]).returncode != 0:
        pytest.skip("strace, which tells each connection that is opened, cannot be run here")
    return [*command, str(trace)]


def _called(trace: Path) -> set[str]:
    """The addresses outside of this machine to which anything was sent.

    A name server is outside even where it answers on this machine, as it asks others.
    """
    found = set()
    for line in trace.read_text().splitlines():
        for match in _ADDRESS.finditer(line):
            address = ipaddress.ip_address(match["v4"] or match["v6"])
            address = getattr(address, "ipv4_mapped", None) or address
            if "htons(53)" in line or not address.is_loopback:
                found.add(str(address))
    return found


def test_the_trace_would_show_a_connection(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    # Addresses for documentation (RFC 5737 and 3849), of which nothing ever comes to anyone: a
    # socket for datagrams is connected without a word being sent.
    code = (
        "import socket\n"
        "for kind, address in ((socket.AF_INET, '192.0.2.1'), (socket.AF_INET, '127.0.0.1')):\n"
        "    socket.socket(kind, socket.SOCK_DGRAM).connect_ex((address, 9))\n"
        "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).connect_ex(('2001:db8::1', 9))\n"
    )
    subprocess.run([*_tracing(trace), sys.executable, "-c", code], check=True)
    assert _called(trace) >= {"192.0.2.1"}
    assert "127.0.0.1" not in _called(trace)


def test_transcribing_in_the_app_opens_no_connection_outside_this_machine(
    tmp_path: Path,
) -> None:
    trace = tmp_path / "trace"
    workspace = workspace_with_speech(tmp_path / "workspace", 8)

    async def use(address: str) -> str:
        async with Tab.open(address, "Transcribe") as tab:
            await asyncio.wait_for(transcribe(tab), 300)
            # onnxruntime, if it is let, looks for its addressee ten seconds after it has begun.
            await asyncio.sleep(15)
            return tab.transcript_id

    with serve(workspace, program=[*_tracing(trace), *STREAMLIT]) as address:
        shown = asyncio.run(use(address))
    (transcript,) = workspace.glob("recordings/*/transcripts/*.json")
    assert transcript.stem in shown
    assert json.loads(transcript.read_text("utf-8"))
    assert _called(trace) == set()


def test_the_command_line_leaves_nothing_behind_but_what_was_asked_for(tmp_path: Path) -> None:
    sample = list_samples()[0].audio_path
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    # Its own cache and workspace are where they always are; everything else goes into these.
    environment = {**os.environ, "LAB_WORKSPACE": str(tmp_path / "workspace"), "LANG": "C.UTF-8"}
    environment |= {"HOME": str(home), "TMPDIR": str(temporary)}
    environment.pop("XDG_CACHE_HOME", None)
    call = [sys.executable, "-m", "lab", "transcribe", str(sample)]
    subprocess.run(call, cwd=ROOT, env=environment, check=True, capture_output=True)
    left = {path.name for folder in (home, temporary) for path in folder.rglob("*")}
    assert not {name for name in left if name == ".ses" or "icrosoft" in name or "onnx" in name}
