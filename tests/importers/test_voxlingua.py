"""Downloading VoxLingua107 from a well-behaved server, and from others."""

import io
import os
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.core.errors import LabError, OptionsError
from lab.core.languages import LANGUAGES
from lab.core.progress import Cancelled
from lab.importers import voxlingua
from lab.importers.voxlingua import address_of, download, language_named, languages


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("sq/a.wav", content)
    return buffer.getvalue()


class Server(ThreadingHTTPServer):
    """Serves `content` as sq.zip.

    ranges: whether it can give a part
    cuts: after how many bytes it breaks off, answer by answer
    asked: the Range of each request, "" where all was asked for
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("localhost", 0), Handler)
        self.content = zipped(os.urandom(600_000))
        self.content_type = "application/zip"
        self.etag = '"1"'
        self.ranges = True
        self.cuts: list[int] = []
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers.get("Range", "")
        server.asked.append(asked)
        if not self.path.endswith("/sq.zip"):
            self.send_error(404)
            return
        start = 0
        if asked and server.ranges and self.headers["If-Range"] == server.etag:
            start = int(re.findall("[0-9]+", asked)[0])
            self.send_response(206)
            end = len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        else:
            self.send_response(200)
        self.send_header("Content-Type", server.content_type)
        self.send_header("Content-Length", str(len(server.content) - start))
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        body = server.content[start:]
        self.wfile.write(body[: server.cuts.pop(0)] if server.cuts else body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as one:
        thread = threading.Thread(target=one.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("LAB_VOXLINGUA_URL", f"http://localhost:{one.server_port}/data/")
        monkeypatch.setattr(voxlingua, "_RETRY_DELAY_S", 0.0)
        yield one
        one.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "sq.zip"


def stop_after(n_bytes: int) -> object:
    def stop(done: float, *_: object) -> None:
        if done >= n_bytes:
            raise Cancelled

    return stop


def test_albanian_is_sq_not_serbian(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_VOXLINGUA_URL", raising=False)
    assert language_named("Albanian") == language_named(" sq ") == "sq"
    assert address_of("sq").endswith("/voxlingua107/sq.zip")
    assert language_named("serbian") == "sr"
    assert address_of(language_named("Hebrew")).endswith("/iw.zip")
    assert address_of(language_named("javanese")).endswith("/jw.zip")
    assert list(languages().values()) == sorted(languages().values())
    assert len(languages()) == len(LANGUAGES) - 1 == 99


@pytest.mark.parametrize("name", ["Albanien", "xx", "", "Esperanto", "Cantonese", "../sq"])
def test_an_unknown_language_is_refused_with_similar_ones(name: str) -> None:
    with pytest.raises(OptionsError, match="such as “"):
        language_named(name)


def test_a_language_is_downloaded_with_progress(server: Server, target: Path) -> None:
    steps: list[tuple[float, float]] = []
    download("sq", target, on_progress=lambda done, of, _="": steps.append((done, of)))
    assert target.read_bytes() == server.content
    assert steps[-1] == (len(server.content),) * 2
    assert steps == sorted(steps)
    assert {path.name for path in target.parent.iterdir()} <= {"sq.zip", ".sq.zip.lock"}


def test_a_stopped_download_is_resumed(server: Server, target: Path) -> None:
    with pytest.raises(Cancelled):
        download("sq", target, on_progress=stop_after(200_000))
    assert not target.exists()
    have = target.with_name("sq.zip.part").stat().st_size
    assert 200_000 <= have < len(server.content)
    download("sq", target)
    assert server.asked == ["", f"bytes={have}-"]
    assert target.read_bytes() == server.content


def test_a_lost_connection_is_made_again(server: Server, target: Path) -> None:
    server.cuts = [100_000, 250_000, 1]
    download("sq", target)
    assert server.asked == ["", "bytes=100000-", "bytes=350000-", "bytes=350001-"]
    assert target.read_bytes() == server.content


@pytest.mark.parametrize("fault", ["no ranges", "no name for the state", "changed", "shorter"])
def test_parts_of_different_files_are_never_combined(
    fault: str, server: Server, target: Path
) -> None:
    if fault == "no name for the state":
        server.etag = ""
    with pytest.raises(Cancelled):
        download("sq", target, on_progress=stop_after(200_000))
    if fault == "no ranges":
        server.ranges = False
    if fault in ("changed", "shorter"):
        server.etag = '"2"'
        server.content = zipped(os.urandom(600_000 if fault == "changed" else 100))
    download("sq", target)
    assert target.read_bytes() == server.content


def test_a_download_without_progress_fails_with_a_sentence(server: Server, target: Path) -> None:
    server.cuts = [100_000, *[0] * 20]
    with pytest.raises(LabError, match=r"lost after .* are kept"):
        download("sq", target)
    assert len(server.asked) == 6
    server.cuts = []
    download("sq", target)
    assert target.read_bytes() == server.content


def test_a_file_that_is_not_a_zip_is_discarded(server: Server, target: Path) -> None:
    server.content = b"<html>The server is being mended</html>"
    with pytest.raises(OptionsError, match="not a zip"):
        download("sq", target)
    assert not list(target.parent.glob("sq.zip*"))


def test_a_login_page_does_not_discard_the_partial_download(server: Server, target: Path) -> None:
    with pytest.raises(Cancelled):
        download("sq", target, on_progress=stop_after(200_000))
    server.ranges, server.content_type = False, "text/html; charset=utf-8"
    with pytest.raises(OptionsError, match="log in"):
        download("sq", target)
    server.ranges, server.content_type = True, "application/zip"
    download("sq", target)
    assert server.asked[-1].startswith("bytes=")
    assert target.read_bytes() == server.content


def test_a_wrong_address_is_reported_with_the_setting(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OptionsError, match=r"404.*LAB_VOXLINGUA_URL"):
        download("de", target)
    server.shutdown()
    server.server_close()
    with pytest.raises(LabError, match="cannot be downloaded"):
        download("sq", target)
    monkeypatch.setenv("LAB_VOXLINGUA_URL", "file:///etc")
    with pytest.raises(OptionsError, match="LAB_VOXLINGUA_URL"):
        download("sq", target)
    assert not target.exists()


def test_a_disk_that_is_too_small_is_reported_before_downloading(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(OptionsError, match="Free some space"):
        download("sq", target)
    assert server.asked == [""]
