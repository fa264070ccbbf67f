"""Corpora from all sources are imported completely or not at all."""

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
from lab.core.archives import ArchiveError
from lab.core.errors import LabError, OptionsError
from lab.core.progress import Cancelled
from lab.core.staging import Staging
from lab.core.workspace import Workspace
from lab.dataset.importing import (
    LocalSource,
    Source,
    UploadedSource,
    VoxLinguaSource,
    import_corpus,
    inspect_source,
)
from lab.dataset.store import datasets_dir
from lab.importers import get_format
from lab.importers.uploads import save_uploads
from lab.jobs.imports import ImportJob, ImportQueue
from tests.support.waiting import wait_for

HEADER = "client_id\tpath\tsentence\tlocale\n"


def silence(seconds: float) -> bytes:
    return audio.encode_wav(Waveform(np.zeros(int(seconds * 16_000), np.float32), 16_000))


# A release of Common Voice with every possible defect.
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
    "cv-17/sq/clips/a.wav": silence(1),
    "cv-17/sq/clips/b.wav": silence(2),
    "cv-17/sq/clips/letter.wav": b"Dear Sir",
}
WRONG = {
    "clips/a.wav": "more than once",
    "clips/b.wav": "no text",
    "clips/gone.wav": "not in the folder",
    "clips/../../secret.wav": "outside",
    "letter.wav": "not audio",
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


def uploaded(workspace: Workspace, *files: tuple[str, bytes]) -> UploadedSource:
    source = UploadedSource(Staging(datasets_dir(workspace)))
    assert (
        save_uploads([(name, io.BytesIO(content)) for name, content in files], source.folder) == []
    )
    return source


SOURCES: dict[str, Callable[[Workspace, Path, Path], Source]] = {
    "folder": lambda _, __, folder: LocalSource(folder),
    "archive": lambda _, archive, __: LocalSource(archive),
    "uploaded files": lambda workspace, _, __: uploaded(workspace, *FILES.items()),
    "uploaded archive": lambda workspace, archive, _: uploaded(
        workspace, ("cv 17.zip", archive.read_bytes())
    ),
}


def everything_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def leftovers(workspace: Workspace) -> set[str]:
    """Names of temporary files in the datasets' folder."""
    hidden = {path.name for path in datasets_dir(workspace).rglob(".*")}
    return {name for name in hidden if not name.endswith(".lock") or name.startswith(".import")}


@pytest.mark.parametrize("kind", SOURCES)
def test_each_problem_is_reported_once_and_the_rest_imported(
    kind: str, workspace: Workspace, archive: Path, folder: Path, queue: ImportQueue, tmp_path: Path
) -> None:
    before = everything_below(tmp_path)
    source = SOURCES[kind](workspace, archive, folder)
    info = inspect_source(workspace, source)
    assert (info.format.name, info.language) == ("common-voice", "sq")
    assert "“cv-17/sq”" in info.reason
    number = queue.submit(
        ImportJob(workspace, source, "Shqip", corpus_format=info.format, language="sq")
    )
    job = wait_for(queue, workspace, number)
    assert (job.state, job.dataset, job.n_new, job.n_known) == ("done", "shqip", 2, 0)
    found = {one.name: one.reason for one in job.problems}
    assert len(found) == len(job.problems)
    assert found.keys() == WRONG.keys()
    assert all(WRONG[name] in reason for name, reason in found.items())
    entries = dataset.find(workspace, "shqip").clips()
    assert [(entry.transcription, entry.duration_s) for entry in entries] == [
        ('Ai tha: "Mir\u00eb".', 1.0),
        ("", 2.0),
    ]
    assert leftovers(workspace) == set()
    after = everything_below(tmp_path)
    assert {path: after[path] for path in before} == before


def test_a_refused_file_is_not_also_reported_as_missing(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("c/metadata.csv", "file_name,text\nbad.wav,Po\ngood.wav,Jo\n")
        packed.writestr("c/bad.wav", silence(1))
        packed.writestr("c/good.wav", silence(2))
    data = path.read_bytes()
    path.write_bytes(data.replace(silence(1), b"x" + silence(1)[1:], 1))
    result = import_corpus(
        workspace, "a", LocalSource(path), corpus_format=get_format("audiofolder"), language="sq"
    )
    assert result.n_new == 1
    assert [one.name for one in result.problems] == ["c/bad.wav"]


@pytest.mark.parametrize("kind", SOURCES)
def test_a_cancelled_import_leaves_nothing_behind(
    kind: str, workspace: Workspace, archive: Path, folder: Path
) -> None:
    corpus_format = get_format("common-voice")
    steps: list[float] = []
    source = SOURCES[kind](workspace, archive, folder)
    import_corpus(
        workspace,
        "whole",
        source,
        corpus_format=corpus_format,
        language="sq",
        on_progress=lambda done, total, _="": steps.append(done / total),
    )
    if isinstance(source, UploadedSource):
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
            source = SOURCES[kind](workspace, archive, folder)
            with pytest.raises(Cancelled):
                import_corpus(
                    workspace,
                    name,
                    source,
                    corpus_format=corpus_format,
                    language="sq",
                    on_progress=stop_at(step),
                )
            if isinstance(source, UploadedSource):
                source.staging.remove()
        assert not (datasets_dir(workspace) / "part").exists()
        assert everything_below(datasets_dir(workspace) / "whole") == before
        assert leftovers(workspace) == set()


def test_uploads_of_a_job_that_never_started_are_removed(
    workspace: Workspace, queue: ImportQueue
) -> None:
    hold, corpus_format = threading.Event(), get_format("common-voice")
    queue.worker.submit(lambda: (hold.wait(60), None)[1])
    source = uploaded(workspace, *FILES.items())
    number = queue.submit(
        ImportJob(workspace, source, "a", corpus_format=corpus_format, language="sq")
    )
    queue.stop(workspace, number)
    hold.set()
    assert wait_for(queue, workspace, number).state == "stopped"
    assert leftovers(workspace) == set()


def test_invalid_requests_fail_before_anything_is_downloaded(
    workspace: Workspace, tmp_path: Path
) -> None:
    corpus_format = get_format("voxlingua107")
    for name, language in (("!!!", "sq"), ("a", "xx")):
        with pytest.raises(OptionsError):
            import_corpus(
                workspace,
                name,
                VoxLinguaSource("sq"),
                corpus_format=corpus_format,
                language=language,
            )
    with pytest.raises(OptionsError, match="neither a folder nor an archive"):
        inspect_source(workspace, LocalSource(tmp_path / "gone"))
    (tmp_path / "a.wav").write_bytes(silence(1))
    with pytest.raises(ArchiveError, match="cannot be read as a zip or tar"):
        inspect_source(workspace, LocalSource(tmp_path / "a.wav"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder served in place of VoxLingua107's site."""
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
def test_albanian_is_imported_from_voxlingua(
    inside: str, site: Path, workspace: Workspace, queue: ImportQueue
) -> None:
    with zipfile.ZipFile(site / "sq.zip", "w") as packed:
        packed.writestr(f"{inside}a__U__S1---0001.wav", silence(1))
        packed.writestr(f"{inside}b__U__S1---0002.wav", silence(2))
    source = VoxLinguaSource("sq")
    info = inspect_source(workspace, source)
    number = queue.submit(
        ImportJob(workspace, source, "sq", corpus_format=info.format, language=info.language)
    )
    job = wait_for(queue, workspace, number)
    assert (job.state, job.n_new, job.problems) == ("done", 2, ())
    entries = dataset.find(workspace, "sq").clips()
    assert {entry.language for entry in entries} == {"sq"}
    assert not any(path.suffix == ".zip" for path in datasets_dir(workspace).rglob("*"))
    number = queue.submit(
        ImportJob(workspace, VoxLinguaSource("de"), "de", corpus_format=info.format, language="de")
    )
    failed = wait_for(queue, workspace, number)
    assert failed.state == "failed"
    assert "404" in str(failed.error)
    assert [one.name for one in dataset.list_all(workspace)] == ["sq"]


def test_uploads_stay_in_their_folder(tmp_path: Path) -> None:
    names = ["../a.wav", "/b.wav", "C:\\c.wav", "d/e.wav", "d/e.wav", "x\0y.wav", "d"]
    refused = save_uploads([(name, io.BytesIO(b"1")) for name in names], tmp_path / "in" / "side")
    assert len(refused) == 5
    assert {path.relative_to(tmp_path).as_posix() for path in everything_below(tmp_path)} == {
        "in/side/d/e.wav",
        "in/side/x_y.wav",
    }


def test_a_damaged_upload_fails_with_a_sentence_and_is_removed(
    workspace: Workspace, queue: ImportQueue
) -> None:
    source = uploaded(workspace, ("a.zip", b"PK\x03\x04 nothing"))
    with pytest.raises(LabError, match=r"“a\.zip” cannot be read"):
        inspect_source(workspace, source)
    number = queue.submit(
        ImportJob(workspace, source, "a", corpus_format=get_format("pairs"), language="sq")
    )
    assert wait_for(queue, workspace, number).state == "failed"
    assert leftovers(workspace) == set()
    assert dataset.list_all(workspace) == []
