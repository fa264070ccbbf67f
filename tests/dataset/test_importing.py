"""Corpora from everywhere become datasets: whole, or not at all."""

import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from lab import audio, dataset
from lab.audio import Waveform
from lab.core.errors import LabError, OptionsError
from lab.core.progress import Cancelled
from lab.core.staging import Staging
from lab.core.workspace import Workspace
from lab.dataset.importing import bring
from lab.dataset.sources import OnDisk, Source, Uploaded, VoxLingua, look
from lab.dataset.store import datasets_dir
from lab.importers import kind_named
from lab.importers.uploads import lay_out
from lab.jobs.imports import ImportQueue
from tests.support.waiting import wait_for

HEADER = "client_id\tpath\tsentence\tlocale\n"


def sound(seconds: float) -> bytes:
    return audio.encode_wav(Waveform(np.zeros(int(seconds * 16_000), np.float32), 16_000))


# A release of Common Voice with everything in it that goes wrong.
FILES = {
    "cv-17/sq/validated.tsv": (
        b"\xef\xbb\xbf"
        + (
            HEADER
            + 'ana\ta.wav\tAi tha: "Mir\u00eb".\tsq\n'
            + "ana\ta.wav\tDy her\u00eb\tsq\n"
            + "ben\tb.wav\t\tsq\n"
            + "ben\tgone.wav\tMungon\tsq\n"
            + "ben\t../../secret.wav\tJasht\u00eb\tsq\n"
            + "ben\tletter.wav\tNuk \u00ebsht\u00eb z\u00eb\tsq\n"
            + "short\tline\n"
        )
        .replace("\n", "\r\n")
        .encode()
    ),
    "cv-17/sq/clips/a.wav": sound(1),
    "cv-17/sq/clips/b.wav": sound(2),
    "cv-17/sq/clips/letter.wav": b"Dear Sir",
}
WRONG = {
    "clips/a.wav": "more than once",
    "clips/b.wav": "no text",
    "clips/gone.wav": "not in the folder",
    "clips/../../secret.wav": "outside",
    "letter.wav": "not sound",
    "validated.tsv, line 8": "2 fields",
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "cv-17.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in FILES.items():
            packed.writestr(name, content)
    return path


@pytest.fixture
def folder(archive: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path / "corpus")
    return tmp_path / "corpus"


@pytest.fixture
def queue() -> ImportQueue:
    return ImportQueue()


def uploaded(workspace: Workspace, *files: tuple[str, bytes]) -> Uploaded:
    source = Uploaded(Staging(datasets_dir(workspace)))
    assert lay_out([(name, io.BytesIO(content)) for name, content in files], source.folder) == []
    return source


MAKERS: dict[str, Callable[[Workspace, Path, Path], Source]] = {
    "folder": lambda _, __, folder: OnDisk(folder),
    "archive": lambda _, archive, __: OnDisk(archive),
    "uploaded files": lambda workspace, _, __: uploaded(workspace, *FILES.items()),
    "uploaded archive": lambda workspace, archive, _: uploaded(
        workspace, ("cv 17.zip", archive.read_bytes())
    ),
}


def everything_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def left_over(workspace: Workspace) -> set[str]:
    """What is in the area of the datasets, beside the datasets."""
    hidden = {path.name for path in datasets_dir(workspace).rglob(".*")}
    return {name for name in hidden if not name.endswith(".lock") or name.startswith(".import")}


@pytest.mark.parametrize("way", MAKERS)
def test_whatever_is_wrong_is_told_once_and_the_rest_comes_in(
    way: str, workspace: Workspace, archive: Path, folder: Path, queue: ImportQueue, tmp_path: Path
) -> None:
    before = everything_below(tmp_path)
    source = MAKERS[way](workspace, archive, folder)
    seen = look(workspace, source)
    assert (seen.kind.name, seen.language) == ("common-voice", "sq")
    assert "“cv-17/sq”" in seen.reason
    number = queue.submit(workspace, "Shqip", source, kind=seen.kind, language="sq")
    job = wait_for(queue, workspace, number)
    assert (job.state, job.dataset, job.n_new, job.n_known) == ("done", "shqip", 2, 0)
    found = {one.name: one.reason for one in job.problems}
    assert len(found) == len(job.problems)
    assert found.keys() == WRONG.keys()
    assert all(WRONG[name] in reason for name, reason in found.items())
    entries = dataset.find(workspace, "shqip").entries()
    assert [(entry.transcription, entry.duration_s) for entry in entries] == [
        ('Ai tha: "Mir\u00eb".', 1.0),
        ("", 2.0),
    ]
    assert left_over(workspace) == set()
    after = everything_below(tmp_path)
    assert {path: after[path] for path in before} == before


def test_a_file_that_was_refused_is_not_missed_as_well(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("c/metadata.csv", "file_name,text\nbad.wav,Po\ngood.wav,Jo\n")
        packed.writestr("c/bad.wav", sound(1))
        packed.writestr("c/good.wav", sound(2))
    data = path.read_bytes()
    path.write_bytes(data.replace(sound(1), b"x" + sound(1)[1:], 1))
    done = bring(workspace, "a", OnDisk(path), kind=kind_named("audiofolder"), language="sq")
    assert done.n_new == 1
    assert [one.name for one in done.problems] == ["c/bad.wav"]


@pytest.mark.parametrize("way", MAKERS)
def test_an_import_that_is_stopped_leaves_nothing(
    way: str, workspace: Workspace, archive: Path, folder: Path
) -> None:
    kind = kind_named("common-voice")
    steps: list[float] = []
    source = MAKERS[way](workspace, archive, folder)
    bring(
        workspace,
        "whole",
        source,
        kind=kind,
        language="sq",
        on_progress=lambda done, total, _="": steps.append(done / total),
    )
    if isinstance(source, Uploaded):
        source.staging.remove()
    before = everything_below(datasets_dir(workspace) / "whole")

    def stop_at(step: int) -> Callable[..., None]:
        calls = iter(range(len(steps)))

        def on_progress(*_: object) -> None:
            if next(calls) == step:
                raise Cancelled

        return on_progress

    for step in range(len(steps)):
        for name in ("part", "whole"):
            source = MAKERS[way](workspace, archive, folder)
            with pytest.raises(Cancelled):
                bring(workspace, name, source, kind=kind, language="sq", on_progress=stop_at(step))
            if isinstance(source, Uploaded):
                source.staging.remove()
        assert not (datasets_dir(workspace) / "part").exists()
        assert everything_below(datasets_dir(workspace) / "whole") == before
        assert left_over(workspace) == set()


def test_uploads_of_a_job_that_never_began_are_removed(
    workspace: Workspace, queue: ImportQueue
) -> None:
    hold, kind = threading.Event(), kind_named("common-voice")
    queue.worker.later(lambda: (hold.wait(60), None)[1])
    source = uploaded(workspace, *FILES.items())
    number = queue.submit(workspace, "a", source, kind=kind, language="sq")
    queue.stop(workspace, number)
    hold.set()
    assert wait_for(queue, workspace, number).state == "stopped"
    assert left_over(workspace) == set()


def test_what_cannot_be_imported_is_told_before_anything_is_fetched(
    workspace: Workspace, tmp_path: Path
) -> None:
    kind = kind_named("voxlingua107")
    for name, language in (("!!!", "sq"), ("a", "xx")):
        with pytest.raises(OptionsError):
            bring(workspace, name, VoxLingua("sq"), kind=kind, language=language)
    with pytest.raises(OptionsError, match="no folder and no archive"):
        look(workspace, OnDisk(tmp_path / "gone"))
    (tmp_path / "a.wav").write_bytes(sound(1))
    with pytest.raises(OptionsError, match="cannot be read as a zip or tar"):
        look(workspace, OnDisk(tmp_path / "a.wav"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that stands in for the address of VoxLingua107."""
    folder = tmp_path / "site"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("localhost", 0), partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("LAB_VOXLINGUA_URL", f"http://localhost:{server.server_port}")
        yield folder
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("inside", ["sq/", ""])
def test_albanian_comes_from_voxlingua_by_its_name(
    inside: str, site: Path, workspace: Workspace, queue: ImportQueue
) -> None:
    with zipfile.ZipFile(site / "sq.zip", "w") as packed:
        packed.writestr(f"{inside}a__U__S1---0001.wav", sound(1))
        packed.writestr(f"{inside}b__U__S1---0002.wav", sound(2))
    source = VoxLingua("sq")
    seen = look(workspace, source)
    number = queue.submit(workspace, "sq", source, kind=seen.kind, language=seen.language)
    job = wait_for(queue, workspace, number)
    assert (job.state, job.n_new, job.problems) == ("done", 2, ())
    entries = dataset.find(workspace, "sq").entries()
    assert {entry.language for entry in entries} == {"sq"}
    assert not any(path.suffix == ".zip" for path in datasets_dir(workspace).rglob("*"))
    number = queue.submit(workspace, "de", VoxLingua("de"), kind=seen.kind, language="de")
    failed = wait_for(queue, workspace, number)
    assert failed.state == "failed"
    assert "404" in str(failed.error)
    assert [one.name for one in dataset.list_all(workspace)] == ["sq"]


def test_uploads_stay_below_their_folder(tmp_path: Path) -> None:
    names = ["../a.wav", "/b.wav", "C:\\c.wav", "d/e.wav", "d/e.wav", "x\0y.wav", "d"]
    refused = lay_out([(name, io.BytesIO(b"1")) for name in names], tmp_path / "in" / "side")
    assert len(refused) == 5
    assert {path.relative_to(tmp_path).as_posix() for path in everything_below(tmp_path)} == {
        "in/side/d/e.wav",
        "in/side/x_y.wav",
    }


def test_a_damaged_upload_fails_with_a_sentence_and_is_gone(
    workspace: Workspace, queue: ImportQueue
) -> None:
    source = uploaded(workspace, ("a.zip", b"PK\x03\x04 nothing"))
    with pytest.raises(LabError, match=r"“a\.zip” cannot be read"):
        look(workspace, source)
    number = queue.submit(workspace, "a", source, kind=kind_named("pairs"), language="sq")
    assert wait_for(queue, workspace, number).state == "failed"
    assert left_over(workspace) == set()
    assert dataset.list_all(workspace) == []
