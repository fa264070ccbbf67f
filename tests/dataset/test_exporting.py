"""Datasets leave the workspace whole, and other programs open them; with the real `datasets`."""

import csv
import json
import shutil
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lab import dataset, importers
from lab.core.errors import OptionsError, WorkspaceError
from lab.core.progress import Cancelled
from lab.core.workspace import Workspace
from lab.dataset import CORRECTED, EXCLUDED, Dataset, Entry
from lab.dataset.exporting import export
from lab.dataset.names import without_split_words
from lab.importers import archives
from lab.recordings.samples import list_sample_datasets


@pytest.fixture
def made(workspace: Workspace) -> Dataset:
    """Twelve real clips in three splits: one corrected, one left out, one without a text.

    One was recorded as “test 1.ogg”, and what was changed last is only in the journal.
    """
    sample = next(one for one in list_sample_datasets() if one.language == "en")
    reading = importers.Reading(sample.folder, importers.kind_named("audiofolder"))
    clips = [clip for clip in reading if clip.split][::8]
    folder = workspace.root.with_name("brought")
    folder.mkdir()
    for number, clip in enumerate(clips):
        path = shutil.copyfile(clip.audio_path, folder / f"test {number}.ogg")
        clips[number] = replace(clip, audio_path=path)
    done = dataset.import_clips(workspace, "prompts", clips, language="en").dataset
    first, second, third, *_ = done.entries()
    done.change(
        [
            (first, replace(first, transcription='Ai tha: "Mirë",\npo', status=CORRECTED)),
            (second, replace(second, status=EXCLUDED)),
            (third, replace(third, transcription="")),
        ],
        what="corrected",
    )
    return done


def opened(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The rows of a folder as Hugging Face's library opens it, offline."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    # It wants torchcodec, and so FFmpeg on the machine, even to note the path of a file.
    encoders = ModuleType("torchcodec.encoders")
    encoders.AudioEncoder = None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchcodec", ModuleType("torchcodec"))
    monkeypatch.setitem(sys.modules, "torchcodec.encoders", encoders)
    loaded = datasets.load_dataset("audiofolder", data_dir=str(folder), cache_dir=str(cache))
    assert list(loaded) == ["train"]  # all clips; which split each is in says its column
    return list(loaded["train"].cast_column("audio", datasets.Audio(decode=False)))


def assert_holds(rows: list[dict[str, Any]], entries: list[Entry], made: Dataset) -> None:
    assert [row["transcription"] or "" for row in rows] == [one.transcription for one in entries]
    assert [row["split"] for row in rows] == [one.split for one in entries]
    assert [row["speaker"] for row in rows] == [one.speaker for one in entries]
    for row, entry in zip(rows, entries, strict=True):
        assert Path(row["audio"]["path"]).read_bytes() == made.audio_path(entry).read_bytes()


def test_hugging_face_opens_the_folder_of_the_workspace_as_it_is(
    made: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.settle()
    assert (made.folder / "changes.jsonl").exists()
    rows = opened(made.folder, tmp_path / "cache", monkeypatch)
    assert_holds(rows, made.entries(), made)
    (made.folder / "changes.jsonl").unlink()
    (made.folder / ".settled").unlink()
    rows = opened(made.folder, tmp_path / "another cache", monkeypatch)
    assert_holds(rows, made.entries(), made)


def test_hugging_face_opens_what_was_exported(
    made: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = export(made, tmp_path / "out")
    kept = [entry for entry in made.entries() if entry.status != EXCLUDED]
    assert (done.path, done.n_clips, done.missing) == (tmp_path / "out", len(kept), ())
    assert_holds(opened(done.path, tmp_path / "cache", monkeypatch), kept, made)
    assert {path.name for path in done.path.iterdir()} == {"audio", "metadata.csv", "README.md"}


@pytest.mark.parametrize("layout", ["audiofolder", "nemo"])
def test_a_zip_comes_back_through_the_importer(
    layout: str, made: Dataset, workspace: Workspace, tmp_path: Path
) -> None:
    done = export(made, tmp_path / "out.zip", layout=layout)
    assert archives.unpack(done.path, tmp_path / "unpacked") == []
    seen = importers.recognise(tmp_path / "unpacked")
    assert seen.kind.name == layout
    reading = importers.Reading(seen.folder, seen.kind)
    back = dataset.import_clips(workspace, "back", reading, language="en").dataset
    kept = [one for one in made.entries() if one.status != EXCLUDED]
    if layout == "nemo":
        kept = [one for one in kept if one.transcription]
    assert {said(one) for one in back.entries()} == {said(one) for one in kept}
    if layout == "audiofolder":
        assert [one.status for one in back.entries()] == [one.status for one in kept]
    sounds = {back.audio_path(one).read_bytes() for one in back.entries()}
    assert sounds == {made.audio_path(one).read_bytes() for one in kept}


def said(entry: Entry) -> tuple[object, ...]:
    text = " ".join(entry.transcription.split())  # an imported text is one line
    return text, entry.split, entry.speaker, entry.language, entry.duration_s


def test_nemo_gets_a_manifest_for_each_split(made: Dataset, tmp_path: Path) -> None:
    folder = export(made, tmp_path / "out", layout="nemo").path
    manifests = sorted(path.name for path in folder.glob("*.json"))
    assert manifests == ["test_manifest.json", "train_manifest.json", "validation_manifest.json"]
    lines = (folder / "train_manifest.json").read_text(encoding="utf-8").splitlines()
    first = json.loads(lines[0])
    assert first["text"] == 'Ai tha: "Mirë",\npo'
    assert first["duration"] == pytest.approx(made.entries()[0].duration_s)
    assert (folder / first["audio_filepath"]).is_file()


def test_only_what_was_corrected_or_named_leaves(made: Dataset, tmp_path: Path) -> None:
    assert export(made, tmp_path / "a.zip", only_corrected=True).n_clips == 1
    names = {entry.file_name for entry in made.entries()[1:4]}  # one of them is left out
    done = export(made, tmp_path / "b.zip", file_names=names)
    with zipfile.ZipFile(done.path) as zipped:
        assert sum(name.startswith("audio/") for name in zipped.namelist()) == done.n_clips == 2


def test_the_card_says_what_is_in_it(made: Dataset, tmp_path: Path) -> None:
    card = (export(made, tmp_path / "out").path / "README.md").read_text(encoding="utf-8")
    n_clips = len(made.entries()) - 1
    assert card.startswith("---\nlanguage:\n- en\n")
    assert f"| all | {n_clips} | 0.01 | 1 | {n_clips - 1} | 1 |" in card
    assert "In more than one split: speakers: 1, sentences: 0." in card


def test_clips_with_the_same_name_get_different_ones(workspace: Workspace, tmp_path: Path) -> None:
    made, _ = dataset.add(workspace, "a", [("a.wav", b"1"), ("b.wav", b"2")], language="sq")
    table = made.folder / "metadata.csv"
    first, second = (entry.file_name for entry in made.entries())
    for name, target in ((first, "one/Dev.wav"), (second, "two/dev.wav")):
        (made.folder / target).parent.mkdir()
        (made.folder / name).rename(made.folder / target)
        table.write_text(table.read_text().replace(name, target))
    folder = export(made, tmp_path / "out").path
    with (folder / "metadata.csv").open(newline="") as file:
        names = [row["file_name"] for row in csv.DictReader(file)]
    assert names == ["audio/Devs.wav", "audio/devs-2.wav"]
    assert [(folder / name).read_bytes() for name in names] == [b"1", b"2"]


def test_sound_that_is_gone_is_named_and_the_rest_leaves(made: Dataset, tmp_path: Path) -> None:
    gone = made.entries()[3]
    made.audio_path(gone).unlink()
    done = export(made, tmp_path / "out.zip")
    assert done.missing == (gone.file_name,)
    for entry in made.entries():
        made.audio_path(entry).unlink(missing_ok=True)
    with pytest.raises(WorkspaceError, match="is gone"):
        export(made, tmp_path / "none.zip")
    assert not (tmp_path / "none.zip").exists()


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_what_is_stopped_leaves_nothing(name: str, made: Dataset, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))

    def stop(done: float, *_: object) -> None:
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        export(made, tmp_path / name, on_progress=stop)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_holds_something_is_not_written_into(made: Dataset, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(OptionsError, match="holds something"):
        export(made, tmp_path / "full")
    (tmp_path / "empty").mkdir()
    assert (export(made, tmp_path / "empty").path / "metadata.csv").is_file()
    with pytest.raises(OptionsError, match="“x” is no layout"):
        export(made, tmp_path / "new", layout="x")
    with pytest.raises(OptionsError, match="No clip of prompts"):
        export(made, tmp_path / "new", file_names=())


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("test-1-3f2a", "tests-1-3f2a"),
        ("my-val2", "my-vals2"),
        ("protest-valley-devil", "protest-valley-devil"),
        ("Train_Eval", "Trains_Evals"),
    ],
)
def test_no_name_is_taken_for_a_split(stem: str, expected: str) -> None:
    assert without_split_words(stem) == expected
