import hashlib
import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import whisper
from whisper.model import ModelDimensions, Whisper

from lab.asr import checkpoints
from lab.asr.official_models import ALIASES, BY_NAME, MODELS
from lab.core.errors import CheckpointError, OptionsError
from lab.core.progress import Cancelled
from tests.support.whispers import SMALL, as_bytes, outputs, payload, random_model


@pytest.fixture(scope="module")
def tiny() -> Whisper:
    return random_model()


@pytest.fixture(scope="module")
def tiny_bytes(tiny: Whisper) -> bytes:
    return as_bytes(payload(tiny))


@pytest.fixture(autouse=True)
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No cache, no packaged weights, and an internet that is a closed port."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home-cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(checkpoints, "_PACKAGED_PARTS", (("no_such_package", "part"),))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed_port = probe.getsockname()[1]
    monkeypatch.setattr(checkpoints, "_DOWNLOAD_ROOT", f"http://127.0.0.1:{closed_port}")
    return tmp_path / "home-cache" / "whisper"


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """The responses by path of a local server; other paths give 404."""
    answers: dict[str, bytes] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(checkpoints, "_DOWNLOAD_ROOT", f"http://127.0.0.1:{server.server_port}")
    yield answers
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, tiny_bytes: bytes) -> str:
    """The path on the server of an official “tiny” that consists of `tiny_bytes`."""
    digest = hashlib.sha256(tiny_bytes).hexdigest()
    official = replace(BY_NAME["tiny"], sha256=digest, size_bytes=len(tiny_bytes))
    monkeypatch.setitem(BY_NAME, "tiny", official)
    return f"/{digest}/tiny.pt"


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


# --- the list ---


def test_listing_models_loads_neither_torch_nor_whisper() -> None:
    code = (
        "import sys; from lab.asr import checkpoints; checkpoints.list_models();"
        "assert not {'torch', 'whisper', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_table_agrees_with_openai_whisper() -> None:
    ours = {
        name: (BY_NAME[target].sha256, f"{target}.pt")
        for name, target in [(n, n) for n in BY_NAME] + [*ALIASES.items()]
    }
    theirs = {name: tuple(url.split("/")[-2:]) for name, url in whisper._MODELS.items()}
    assert ours == theirs
    assert set(ours) == set(whisper.available_models())


@pytest.mark.parametrize("official", MODELS, ids=lambda official: official.name)
def test_each_official_model_has_matching_alignment_heads(official: Any) -> None:
    layers, heads, vocab = official.text_layers_heads_vocab
    model = Whisper(ModelDimensions(1, 1, 4, 1, 0, 1, 1, 4 * heads, heads, layers))
    model.set_alignment_heads(whisper._ALIGNMENT_HEADS[official.name])
    assert model.alignment_heads.shape == (layers, heads)
    assert (vocab == 51864) == official.name.endswith(".en")


def test_an_empty_machine_lists_each_official_model_once_as_a_download() -> None:
    infos = checkpoints.list_models()
    assert [info.name for info in infos] == list(BY_NAME)
    assert {info.source for info in infos} == {"download"}
    assert not any(info.installed for info in infos)
    assert {info.name for info in infos if not info.multilingual} == {
        "tiny.en",
        "base.en",
        "small.en",
        "medium.en",
    }


def test_an_interrupted_download_is_not_listed_as_installed(empty_machine: Path) -> None:
    empty_machine.mkdir(parents=True)
    for name, size in [("tiny", 75_572_083), ("base", 100)]:
        with (empty_machine / f"{name}.pt").open("wb") as file:
            file.truncate(size)
    infos = {info.name: info for info in checkpoints.list_models()}
    assert (infos["tiny"].installed, infos["tiny"].source) == (True, "cache")
    assert (infos["base"].installed, infos["base"].source) == (False, "download")


def test_the_workspace_s_models_are_listed_in_both_forms(
    models_dir: Path, tiny_bytes: bytes
) -> None:
    english = payload(random_model(replace(SMALL, n_vocab=51864)))
    (models_dir / "mine.pt").write_bytes(tiny_bytes)
    (models_dir / "english").mkdir()
    (models_dir / "english" / "model.pt").write_bytes(as_bytes(english))
    (models_dir / "odd.pt").write_bytes(b"not a model, and no reason to fail the page")
    (models_dir / "empty-folder").mkdir()
    (models_dir / ".mine.pt.123.part").write_bytes(b"half")
    (models_dir / "notes.txt").write_text("mine is good")
    own = [info for info in checkpoints.list_models(models_dir) if info.source == "workspace"]
    assert [(info.name, info.multilingual) for info in own] == [
        ("english", False),
        ("mine", True),
        ("odd", True),
    ]
    assert own[1].size_bytes == len(tiny_bytes)


def test_a_missing_models_folder_is_an_empty_one(tmp_path: Path) -> None:
    assert checkpoints.list_models(tmp_path / "nothing") == checkpoints.list_models()


# --- loading by name ---


def test_each_load_builds_a_new_model(models_dir: Path, tiny_bytes: bytes) -> None:
    (models_dir / "mine.pt").write_bytes(tiny_bytes)
    first, second = (checkpoints.load("mine", models_dir=models_dir) for _ in range(2))
    before = outputs(second)
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.zero_()
    assert torch.equal(outputs(second), before)


def test_the_workspace_comes_before_everything_else(models_dir: Path, tiny_bytes: bytes) -> None:
    (models_dir / "base.pt").write_bytes(tiny_bytes)
    assert checkpoints.load("base", models_dir=models_dir).dims == SMALL
    info = next(i for i in checkpoints.list_models(models_dir) if i.name == "base")
    assert (info.source, info.installed) == ("workspace", True)


@pytest.mark.parametrize("name", ["nobody", "", "../secret", "models/mine", "/etc/passwd", "a\0b"])
def test_a_name_is_never_used_as_a_path(
    name: str, models_dir: Path, tmp_path: Path, tiny_bytes: bytes
) -> None:
    (tmp_path / "secret.pt").write_bytes(tiny_bytes)
    with pytest.raises(CheckpointError, match="There is no model called"):
        checkpoints.load(name, models_dir=models_dir)


# --- downloads ---


def test_a_download_is_stored_in_openai_whisper_s_cache_and_loaded(
    internet: dict[str, bytes], published: str, tiny_bytes: bytes, empty_machine: Path
) -> None:
    internet[published] = tiny_bytes
    reports: list[tuple[float, float, str]] = []
    model = checkpoints.load("tiny", on_progress=lambda *report: reports.append(report))
    assert model.dims == SMALL
    assert (empty_machine / "tiny.pt").read_bytes() == tiny_bytes
    assert files_in(empty_machine) == ["tiny.pt"]
    assert reports[-1][:2] == (len(tiny_bytes), len(tiny_bytes))
    assert [done for done, _, _ in reports] == sorted(done for done, _, _ in reports)
    info = checkpoints.list_models()[0]
    assert info.name == "tiny"

    internet.clear()
    assert torch.equal(outputs(checkpoints.load("tiny")), outputs(model))


def test_a_cache_folder_can_be_given(
    internet: dict[str, bytes], published: str, tiny_bytes: bytes, tmp_path: Path
) -> None:
    internet[published] = tiny_bytes
    checkpoints.load("tiny", cache_dir=tmp_path / "given")
    assert files_in(tmp_path / "given") == ["tiny.pt"]


@pytest.mark.parametrize("kind", ["changed", "cut off", "longer", "a login page", "empty"])
def test_a_damaged_download_is_deleted(
    kind: str, internet: dict[str, bytes], published: str, tiny_bytes: bytes, empty_machine: Path
) -> None:
    internet[published] = {
        "changed": tiny_bytes[:1000] + b"?" + tiny_bytes[1001:],
        "cut off": tiny_bytes[:1000],
        "longer": tiny_bytes + b"?",
        "a login page": b"<html>please log in</html>",
        "empty": b"",
    }[kind]
    with pytest.raises(CheckpointError, match="damaged or incomplete and was deleted"):
        checkpoints.load("tiny")
    assert files_in(empty_machine) == []


@pytest.mark.usefixtures("published")
def test_an_interrupted_connection_leaves_no_files(
    monkeypatch: pytest.MonkeyPatch, empty_machine: Path
) -> None:
    def serve_half() -> None:
        connection, _ = listener.accept()
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        root = f"http://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setattr(checkpoints, "_DOWNLOAD_ROOT", root)
        thread = threading.Thread(target=serve_half)
        thread.start()
        with pytest.raises(CheckpointError, match="“tiny”"):
            checkpoints.load("tiny")
        thread.join()
    assert files_in(empty_machine) == []


def test_without_internet_the_message_names_the_download_and_alternatives(
    empty_machine: Path,
) -> None:
    with pytest.raises(CheckpointError) as caught:
        checkpoints.load("turbo")
    message = str(caught.value)
    assert "“large-v3-turbo” is not installed" in message
    assert "1.6 GB" in message
    assert "use “base”" in message
    assert "add a model file" in message
    assert files_in(empty_machine) == []


def test_a_server_without_the_model_is_reported(internet: dict[str, bytes]) -> None:
    assert internet == {}
    with pytest.raises(CheckpointError, match="Not Found"):
        checkpoints.load("tiny")


def test_a_cancelled_download_leaves_no_files(
    internet: dict[str, bytes], published: str, tiny_bytes: bytes, empty_machine: Path
) -> None:
    internet[published] = tiny_bytes

    def stop(*_: object, **__: object) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        checkpoints.load("tiny", on_progress=stop)
    assert files_in(empty_machine) == []


def test_a_damaged_file_in_the_cache_is_reported_and_downloaded_again(
    internet: dict[str, bytes],
    published: str,
    tiny_bytes: bytes,
    empty_machine: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    internet[published] = tiny_bytes
    empty_machine.mkdir(parents=True)
    (empty_machine / "tiny.pt").write_bytes(tiny_bytes[:-100])
    assert checkpoints.load("tiny").dims == SMALL
    assert str(empty_machine / "tiny.pt") in caplog.text
    assert (empty_machine / "tiny.pt").read_bytes() == tiny_bytes


def test_a_damaged_file_that_cannot_be_downloaded_again_is_reported(empty_machine: Path) -> None:
    empty_machine.mkdir(parents=True)
    (empty_machine / "tiny.pt").write_bytes(b"half")
    with pytest.raises(CheckpointError, match=r"is damaged \(.*tiny\.pt\)"):
        checkpoints.load("tiny")


def test_a_cache_that_cannot_be_written_is_reported(
    internet: dict[str, bytes], published: str, tiny_bytes: bytes, tmp_path: Path
) -> None:
    internet[published] = tiny_bytes
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match=r"cannot be stored: .*file"):
        checkpoints.load("tiny", cache_dir=tmp_path / "file")


def test_two_loads_at_once_both_succeed(
    internet: dict[str, bytes], published: str, tiny_bytes: bytes, empty_machine: Path
) -> None:
    internet[published] = tiny_bytes
    loaded: list[torch.Tensor] = []
    threads = [
        threading.Thread(target=lambda: loaded.append(outputs(checkpoints.load("tiny"))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded) == 4
    assert all(torch.equal(one, loaded[0]) for one in loaded)
    assert files_in(empty_machine) == ["tiny.pt"]


# --- the packaged weights ---


@pytest.fixture
def crater(tmp_path: Path) -> Path:
    return tmp_path / "crater"


@pytest.fixture
def package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crater: Path
) -> Callable[[bytes, str], None]:
    """Install bytes as packaged weights in two parts, in packages with harmful code."""

    def install(data: bytes, sha256: str) -> None:
        names = ("packaged_weights_one", "packaged_weights_two")
        for name, part in zip(names, (data[:1000], data[1000:]), strict=True):
            (tmp_path / "site" / name / "data").mkdir(parents=True)
            (tmp_path / "site" / name / "__init__.py").write_text(f"open({str(crater)!r}, 'w')")
            (tmp_path / "site" / name / "data" / "part").write_bytes(part)
        monkeypatch.syspath_prepend(tmp_path / "site")
        monkeypatch.setattr(checkpoints, "_PACKAGED_PARTS", tuple((n, "data/part") for n in names))
        monkeypatch.setattr(checkpoints, "_PACKAGED_BYTES", len(data))
        monkeypatch.setattr(checkpoints, "_PACKAGED_SHA256", sha256)

    return install


def test_packaged_weights_with_another_sha256_are_not_used_and_their_code_never_runs(
    package: Callable[[bytes, str], None], crater: Path, caplog: pytest.LogCaptureFixture
) -> None:
    package(os.urandom(2000), "0" * 64)
    base = next(info for info in checkpoints.list_models() if info.name == "base")
    assert (base.source, base.installed, base.size_bytes) == ("packaged", True, 2000)
    with pytest.raises(CheckpointError, match="must be downloaded \\(145 MB\\)"):
        checkpoints.load("base")
    assert "packaged weights are damaged" in caplog.text
    assert not crater.exists()


def test_incomplete_packaged_weights_are_not_listed(
    package: Callable[[bytes, str], None], tmp_path: Path
) -> None:
    package(os.urandom(2000), "0" * 64)
    (tmp_path / "site" / "packaged_weights_two" / "data" / "part").write_bytes(b"")
    base = next(info for info in checkpoints.list_models() if info.name == "base")
    assert base.source == "download"


# --- adding ---


def test_an_added_model_is_available_at_once_and_keeps_its_precision(
    tmp_path: Path, models_dir: Path, tiny: Whisper
) -> None:
    content = payload(tiny)
    content["model_state_dict"] = {k: v.half() for k, v in content["model_state_dict"].items()}
    (tmp_path / "half.pt").write_bytes(as_bytes(content))
    info = checkpoints.add(tmp_path / "half.pt", name="Shqip-1.0_b", models_dir=models_dir)
    assert info in checkpoints.list_models(models_dir)
    assert (info.name, info.installed, info.multilingual) == ("Shqip-1.0_b", True, True)
    stored = torch.load(models_dir / "Shqip-1.0_b.pt", weights_only=True)["model_state_dict"]
    assert {value.dtype for value in stored.values()} == {torch.float16}
    assert checkpoints.load("Shqip-1.0_b", models_dir=models_dir).dims == SMALL
    assert files_in(models_dir) == ["Shqip-1.0_b.pt"]


@pytest.mark.parametrize("content", [b"no model", as_bytes({"dims": {}, "model_state_dict": {}})])
def test_only_a_whisper_model_is_added(content: bytes, tmp_path: Path, models_dir: Path) -> None:
    (tmp_path / "added.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"added\.pt"):
        checkpoints.add(tmp_path / "added.pt", name="mine", models_dir=models_dir)
    assert files_in(models_dir) == []


def test_an_added_float32_model_is_stored_bit_for_bit(
    tmp_path: Path, models_dir: Path, tiny: Whisper, tiny_bytes: bytes
) -> None:
    (tmp_path / "full.pt").write_bytes(tiny_bytes)
    checkpoints.add(tmp_path / "full.pt", name="mine", models_dir=models_dir / "not-yet-made")
    stored = torch.load(models_dir / "not-yet-made" / "mine.pt", weights_only=True)
    assert stored["dims"] == asdict(SMALL)
    for key, value in tiny.state_dict().items():
        assert torch.equal(stored["model_state_dict"][key], value)


@pytest.mark.parametrize(
    "name", ["", "-a", ".a", "a/b", "../a", "a b", "ä", "a\n", "a" * 65, "a\\b", "a:b"]
)
def test_a_name_that_is_not_a_safe_file_name_is_refused(
    name: str, tmp_path: Path, models_dir: Path, tiny_bytes: bytes
) -> None:
    (tmp_path / "good.pt").write_bytes(tiny_bytes)
    with pytest.raises(OptionsError, match="is not a valid model name"):
        checkpoints.add(tmp_path / "good.pt", name=name, models_dir=models_dir)
    assert files_in(models_dir) == []


@pytest.mark.parametrize("name", ["base", "large", "turbo", "Tiny.EN", "large-v3"])
def test_an_official_name_is_refused(name: str, models_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="official model"):
        checkpoints.add(tmp_path / "good.pt", name=name, models_dir=models_dir)


def test_an_existing_name_is_refused_in_any_case(
    tmp_path: Path, models_dir: Path, tiny_bytes: bytes
) -> None:
    (tmp_path / "good.pt").write_bytes(tiny_bytes)
    (models_dir / "mine").mkdir()
    (models_dir / "mine" / "model.pt").write_bytes(tiny_bytes)
    for name in ("mine", "MINE"):
        with pytest.raises(OptionsError, match="already"):
            checkpoints.add(tmp_path / "good.pt", name=name, models_dir=models_dir)
    assert files_in(models_dir) == ["mine"]


def test_a_cancelled_addition_leaves_no_files(
    tmp_path: Path, models_dir: Path, tiny_bytes: bytes
) -> None:
    (tmp_path / "good.pt").write_bytes(tiny_bytes)

    def stop(done: float, *_: object, **__: object) -> None:
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        checkpoints.add(tmp_path / "good.pt", name="mine", models_dir=models_dir, on_progress=stop)
    assert files_in(models_dir) == []
