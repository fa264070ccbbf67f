"""Adding clips to datasets of a workspace."""

import csv
import errno
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lab import audio, dataset
from lab.audio import Waveform
from lab.core.errors import LabError, OptionsError, WorkspaceError
from lab.core.progress import Cancelled
from lab.core.workspace import Workspace
from lab.dataset import DatasetClip, snapshot
from lab.importers import CorpusClip


@pytest.fixture
def clips(tmp_path: Path) -> list[CorpusClip]:
    """Four clips of 1 to 4 seconds outside the workspace."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    made = []
    for seconds in range(1, 5):
        path = folder / f"Clip {seconds}.WAV"
        silence = np.zeros(seconds * 16_000, np.float32)
        path.write_bytes(audio.encode_wav(Waveform(silence, 16_000)))
        made.append(CorpusClip(path, f'Ai tha: "Mirë",\t{seconds}', "train", f"s{seconds}"))
    return made


def everything_in(workspace: Workspace) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in workspace.root.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def test_clips_are_added_once_in_the_audiofolder_layout(workspace: Workspace) -> None:
    made, count = dataset.add(
        workspace, "Shqip, Gegë", [("One 1.wav", b"a"), ("../two.wav", b"b")], language="sq"
    )
    assert (made.name, count) == ("shqip-gege", 2)
    again, count = dataset.add(
        workspace, "shqip gegë", [("One 1.wav", b"a"), ("three.wav", b"c")], language="sq"
    )
    assert (again, count) == (made, 1)
    names = [clip.file_name for clip in made.clips()]
    assert [name.rsplit("-", 1)[0] for name in names] == [
        "audio/one-1",
        "audio/two",
        "audio/three",
    ]
    assert [(made.folder / name).read_bytes() for name in names] == [b"a", b"b", b"c"]
    assert made.clips()[0] == DatasetClip(names[0], language="sq", status="new")
    assert dataset.list_all(workspace) == [made]
    inside = {path.relative_to(workspace.root).parts[0] for path in workspace.root.rglob("*")}
    assert inside == {"datasets"}


def test_a_clip_is_added_with_its_text_and_duration(
    workspace: Workspace, clips: list[CorpusClip]
) -> None:
    content = clips[1].audio_path.read_bytes()
    texts = {"one.wav": "Mirë\n dita"}
    made, _ = dataset.add(
        workspace, "a", [("one.wav", content), ("two.wav", b"a")], language="sq", texts=texts
    )
    found = [(clip.transcription, clip.duration_s) for clip in made.clips()]
    assert found == [("Mirë dita", 2.0), ("", None)]


@pytest.mark.parametrize("name", ["", "../..", "!!!"])
def test_a_name_without_letters_is_refused(name: str, workspace: Workspace) -> None:
    with pytest.raises(OptionsError, match="name with letters"):
        dataset.add(workspace, name, [("a.wav", b"a")], language="sq")
    assert not workspace.root.exists()


def test_a_damaged_table_is_not_overwritten(workspace: Workspace) -> None:
    made, _ = dataset.add(workspace, "a", [("a.wav", b"a")], language="sq")
    (made.folder / "metadata.csv").write_bytes(b"file_name\naudio/a.wav\n")
    with pytest.raises(WorkspaceError, match="cannot be read"):
        dataset.add(workspace, "a", [("b.wav", b"b")], language="sq")
    assert (made.folder / "metadata.csv").read_bytes() == b"file_name\naudio/a.wav\n"


@pytest.mark.parametrize("name", ["../../secret.wav", "/etc/passwd", "audio/../../a.wav"])
def test_a_table_cannot_refer_to_files_outside_the_dataset(name: str, workspace: Workspace) -> None:
    made, _ = dataset.add(workspace, "a", [("a.wav", b"a")], language="sq")
    (clip,) = made.clips()
    assert made.audio_path(clip).read_bytes() == b"a"
    with pytest.raises(WorkspaceError, match="outside the dataset"):
        made.audio_path(DatasetClip(name))


def test_a_table_without_durations_is_read(workspace: Workspace) -> None:
    made, _ = dataset.add(workspace, "a", [("a.wav", b"a")], language="sq")
    table = made.folder / "metadata.csv"
    (clip,) = made.clips()
    table.write_text(
        "file_name,transcription,split,speaker,language,status\n" + clip.file_name + ",,,,sq,new\n"
    )
    assert made.clips() == [clip]
    table.write_text(table.read_text() + "audio/b.wav,x\n")
    with pytest.raises(WorkspaceError, match="2 fields, expected 6"):
        made.clips()


def test_a_file_name_has_an_audio_suffix_or_none(
    workspace: Workspace,
) -> None:
    made, _ = dataset.add(workspace, "a", [('a.wav"\n=x', b"a"), ("b.ogg", b"b")], language="sq")
    suffixes = [Path(clip.file_name).suffix for clip in made.clips()]
    assert suffixes == ["", ".ogg"]


def test_imported_clips_are_copied_with_their_metadata(
    workspace: Workspace, clips: list[CorpusClip]
) -> None:
    steps: list[tuple[float, float, str]] = []
    done = dataset.import_clips(
        workspace,
        "Shqip",
        iter([*clips[:3], CorpusClip(clips[3].audio_path, language="de")]),
        language="sq",
        on_progress=lambda n, total, note="": steps.append((n, total, note)),
    )
    assert (done.dataset.name, done.n_new, done.n_known, done.problems) == ("shqip", 4, 0, ())
    assert steps == [
        *((0, n, "Reading the tables") for n in range(1, 5)),
        *((n, 4, "Copying clips") for n in range(5)),
    ]
    first, *_, last = done.dataset.clips()
    assert first == DatasetClip(
        first.file_name, 'Ai tha: "Mirë",\t1', "train", "s1", "sq", "new", duration_s=1.0
    )
    assert first.file_name.startswith("audio/clip-1-")
    assert last == DatasetClip(last.file_name, language="de", duration_s=4.0)
    for clip, added in zip(clips, done.dataset.clips(), strict=True):
        assert done.dataset.audio_path(added).read_bytes() == clip.audio_path.read_bytes()
    with (done.dataset.folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    assert header[:3] == ["file_name", "transcription", "split"]
    before = everything_in(workspace)
    again = dataset.import_clips(workspace, "shqip", clips, language="sq")
    assert (again.n_new, again.n_known) == (0, 4)
    assert everything_in(workspace) == before


def test_unreadable_audio_is_reported_and_the_rest_is_imported(
    workspace: Workspace, clips: list[CorpusClip]
) -> None:
    clips[1].audio_path.write_text("not audio")
    clips[2].audio_path.unlink()
    done = dataset.import_clips(workspace, "a", clips, language="sq")
    assert [one.name for one in done.problems] == ["Clip 2.WAV", "Clip 3.WAV"]
    assert (done.n_new, len(done.dataset.clips())) == (2, 2)


@pytest.mark.parametrize("exists_before", [True, False])
@pytest.mark.parametrize(
    "fault", ["stopped", "disk full", "table not written", "nothing", "language"]
)
def test_a_failed_import_changes_nothing(
    fault: str,
    exists_before: bool,
    workspace: Workspace,
    clips: list[CorpusClip],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if exists_before:
        dataset.import_clips(workspace, "a", clips[:1], language="sq")
    before = everything_in(workspace)
    copy = shutil.copyfile

    def stop(done: float, *_: object) -> None:
        if fault == "stopped" and done == 2:
            raise Cancelled

    def refuse_the_third(source: Path, target: Path) -> None:
        if source == clips[2].audio_path:
            raise OSError(errno.ENOSPC, "No space left on device")
        copy(source, target)

    def refuse_the_table(*_: object) -> None:
        raise WorkspaceError("The table cannot be written.")

    if fault == "disk full":
        monkeypatch.setattr(shutil, "copyfile", refuse_the_third)
    if fault == "table not written":
        monkeypatch.setattr(snapshot, "write", refuse_the_table)
    expected = Cancelled if fault == "stopped" else LabError
    with pytest.raises(expected):
        dataset.import_clips(
            workspace,
            "a",
            [] if fault == "nothing" else clips,
            language="xx" if fault == "language" else "sq",
            on_progress=stop,
        )
    assert everything_in(workspace) == before
    assert (workspace.root / "datasets/a").exists() == exists_before
    assert {path.name for path in workspace.root.rglob(".*")} <= {".a.lock"}


def test_clips_added_by_another_tab_during_an_import_are_kept(
    workspace: Workspace, clips: list[CorpusClip]
) -> None:
    def add_one(done: float, *_: object) -> None:
        if done == 1:
            dataset.add(workspace, "a", [("b.wav", b"b")], language="sq")

    done = dataset.import_clips(workspace, "a", clips, language="sq", on_progress=add_one)
    assert (done.n_new, len(done.dataset.clips())) == (4, 5)


def test_files_are_moved_if_they_may_be_moved(
    workspace: Workspace, clips: list[CorpusClip]
) -> None:
    contents = [clip.audio_path.read_bytes() for clip in clips]
    dataset.import_clips(workspace, "a", clips[:2], language="sq")
    done = dataset.import_clips(workspace, "a", clips, language="sq", may_move=True)
    assert (done.n_new, done.n_known) == (2, 2)
    assert not any(clip.audio_path.exists() for clip in clips)
    added = [done.dataset.audio_path(clip).read_bytes() for clip in done.dataset.clips()]
    assert added == contents


KILLED = """
import os, signal, sys
from pathlib import Path
from lab import dataset
from lab.importers import CorpusClip
from lab.core.workspace import Workspace

def kill(done, total, note=""):
    if note == "Copying clips" and done == 3:
        os.kill(os.getpid(), signal.SIGKILL)

clips = [CorpusClip(path) for path in sorted(Path(sys.argv[2]).iterdir())]
dataset.import_clips(Workspace(Path(sys.argv[1])), "a", clips, language="sq", on_progress=kill)
"""


def test_a_killed_import_adds_nothing_and_the_next_one_cleans_up(
    workspace: Workspace, clips: list[CorpusClip]
) -> None:
    corpus = clips[0].audio_path.parent
    command = [sys.executable, "-c", KILLED, str(workspace.root), str(corpus)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    folder = workspace.root / "datasets/a"
    assert len(list(folder.rglob("*.wav"))) == 3
    assert dataset.list_all(workspace) == []
    done = dataset.import_clips(workspace, "a", clips[:1], language="sq")
    assert done.n_new == 1
    assert {path.name for path in folder.iterdir()} == {"audio", "metadata.csv"}
