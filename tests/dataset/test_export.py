"""Exports, opened with the real Hugging Face `datasets`."""

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
from lab.dataset import CORRECTED, EXCLUDED, Dataset, DatasetClip
from lab.dataset.export import export_dataset
from lab.dataset.file_names import avoid_split_words
from lab.importers import archives
from lab.recordings.samples import list_sample_datasets


@pytest.fixture
def made(workspace: Workspace) -> Dataset:
    """Twelve real clips in three splits: one corrected, one excluded, one without a text.

    They were called “test 1.ogg” and so on, and the last changes are only in the journal.
    """
    sample = next(one for one in list_sample_datasets() if one.language == "en")
    reading = importers.CorpusReader(sample.folder, importers.get_format("audiofolder"))
    clips = [clip for clip in reading if clip.split][::8]
    folder = workspace.root.with_name("source")
    folder.mkdir()
    for number, clip in enumerate(clips):
        path = shutil.copyfile(clip.audio_path, folder / f"test {number}.ogg")
        clips[number] = replace(clip, audio_path=path)
    done = dataset.import_clips(workspace, "prompts", clips, language="en").dataset
    first, second, third, *_ = done.clips()
    done.change(
        [
            (first, replace(first, transcription='Ai tha: "Mirë",\npo', status=CORRECTED)),
            (second, replace(second, status=EXCLUDED)),
            (third, replace(third, transcription="")),
        ],
        what="corrected",
    )
    return done


def loaded_rows(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The rows of a folder as `datasets` loads it, offline."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    # It requires torchcodec, and so an installed FFmpeg, even to store the path of a file.
    encoders = ModuleType("torchcodec.encoders")
    encoders.AudioEncoder = None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchcodec", ModuleType("torchcodec"))
    monkeypatch.setitem(sys.modules, "torchcodec.encoders", encoders)
    loaded = datasets.load_dataset("audiofolder", data_dir=str(folder), cache_dir=str(cache))
    assert list(loaded) == ["train"]  # all clips; their splits are a column
    return list(loaded["train"].cast_column("audio", datasets.Audio(decode=False)))


def assert_equal(rows: list[dict[str, Any]], clips: list[DatasetClip], made: Dataset) -> None:
    assert [row["transcription"] or "" for row in rows] == [one.transcription for one in clips]
    assert [row["split"] for row in rows] == [one.split for one in clips]
    assert [row["speaker"] for row in rows] == [one.speaker for one in clips]
    for row, clip in zip(rows, clips, strict=True):
        assert Path(row["audio"]["path"]).read_bytes() == made.audio_path(clip).read_bytes()


def test_hugging_face_loads_the_folder_of_the_workspace(
    made: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.compact()
    assert (made.folder / "changes.jsonl").exists()
    rows = loaded_rows(made.folder, tmp_path / "cache", monkeypatch)
    assert_equal(rows, made.clips(), made)
    (made.folder / "changes.jsonl").unlink()
    (made.folder / ".settled").unlink()
    rows = loaded_rows(made.folder, tmp_path / "another cache", monkeypatch)
    assert_equal(rows, made.clips(), made)


def test_hugging_face_loads_an_export(
    made: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = export_dataset(made, tmp_path / "out")
    kept = [clip for clip in made.clips() if clip.status != EXCLUDED]
    assert (done.path, done.n_clips, done.missing) == (tmp_path / "out", len(kept), ())
    assert_equal(loaded_rows(done.path, tmp_path / "cache", monkeypatch), kept, made)
    assert {path.name for path in done.path.iterdir()} == {"audio", "metadata.csv", "README.md"}


@pytest.mark.parametrize("layout", ["audiofolder", "nemo"])
def test_an_exported_zip_can_be_imported(
    layout: str, made: Dataset, workspace: Workspace, tmp_path: Path
) -> None:
    done = export_dataset(made, tmp_path / "out.zip", layout=layout)
    assert archives.unpack(done.path, tmp_path / "unpacked") == []
    seen = importers.detect_format(tmp_path / "unpacked")
    assert seen.format.name == layout
    reading = importers.CorpusReader(seen.folder, seen.format)
    back = dataset.import_clips(workspace, "back", reading, language="en").dataset
    kept = [one for one in made.clips() if one.status != EXCLUDED]
    if layout == "nemo":
        kept = [one for one in kept if one.transcription]
    assert {fields_of(one) for one in back.clips()} == {fields_of(one) for one in kept}
    if layout == "audiofolder":
        assert [one.status for one in back.clips()] == [one.status for one in kept]
    sounds = {back.audio_path(one).read_bytes() for one in back.clips()}
    assert sounds == {made.audio_path(one).read_bytes() for one in kept}


def fields_of(clip: DatasetClip) -> tuple[object, ...]:
    text = " ".join(clip.transcription.split())  # an imported text is one line
    return text, clip.split, clip.speaker, clip.language, clip.duration_s


def test_nemo_exports_have_a_manifest_per_split(made: Dataset, tmp_path: Path) -> None:
    folder = export_dataset(made, tmp_path / "out", layout="nemo").path
    manifests = sorted(path.name for path in folder.glob("*.json"))
    assert manifests == ["test_manifest.json", "train_manifest.json", "validation_manifest.json"]
    lines = (folder / "train_manifest.json").read_text(encoding="utf-8").splitlines()
    first = json.loads(lines[0])
    assert first["text"] == 'Ai tha: "Mirë",\npo'
    assert first["duration"] == pytest.approx(made.clips()[0].duration_s)
    assert (folder / first["audio_filepath"]).is_file()


def test_only_corrected_or_named_clips_are_exported(made: Dataset, tmp_path: Path) -> None:
    assert export_dataset(made, tmp_path / "a.zip", only_corrected=True).n_clips == 1
    names = {clip.file_name for clip in made.clips()[1:4]}  # one of them is excluded
    done = export_dataset(made, tmp_path / "b.zip", file_names=names)
    with zipfile.ZipFile(done.path) as zipped:
        assert sum(name.startswith("audio/") for name in zipped.namelist()) == done.n_clips == 2


def test_the_card_describes_the_clips(made: Dataset, tmp_path: Path) -> None:
    card = (export_dataset(made, tmp_path / "out").path / "README.md").read_text(encoding="utf-8")
    n_clips = len(made.clips()) - 1
    assert card.startswith("---\nlanguage:\n- en\n")
    assert f"| all | {n_clips} | 0.01 | 1 | {n_clips - 1} | 1 |" in card
    assert "In more than one split: speakers: 1, sentences: 0." in card


def test_clips_with_the_same_name_are_renamed(workspace: Workspace, tmp_path: Path) -> None:
    made, _ = dataset.add(workspace, "a", [("a.wav", b"1"), ("b.wav", b"2")], language="sq")
    table = made.folder / "metadata.csv"
    first, second = (clip.file_name for clip in made.clips())
    for name, target in ((first, "one/Dev.wav"), (second, "two/dev.wav")):
        (made.folder / target).parent.mkdir()
        (made.folder / name).rename(made.folder / target)
        table.write_text(table.read_text().replace(name, target))
    folder = export_dataset(made, tmp_path / "out").path
    with (folder / "metadata.csv").open(newline="") as file:
        names = [row["file_name"] for row in csv.DictReader(file)]
    assert names == ["audio/Devs.wav", "audio/devs-2.wav"]
    assert [(folder / name).read_bytes() for name in names] == [b"1", b"2"]


def test_missing_audio_is_reported_and_the_rest_is_exported(made: Dataset, tmp_path: Path) -> None:
    gone = made.clips()[3]
    made.audio_path(gone).unlink()
    done = export_dataset(made, tmp_path / "out.zip")
    assert done.missing == (gone.file_name,)
    for clip in made.clips():
        made.audio_path(clip).unlink(missing_ok=True)
    with pytest.raises(WorkspaceError, match="is missing"):
        export_dataset(made, tmp_path / "none.zip")
    assert not (tmp_path / "none.zip").exists()


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_a_cancelled_export_leaves_nothing(name: str, made: Dataset, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))

    def stop(done: float, *_: object) -> None:
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        export_dataset(made, tmp_path / name, on_progress=stop)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_existing_folder_must_be_empty(made: Dataset, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(OptionsError, match="is not empty"):
        export_dataset(made, tmp_path / "full")
    (tmp_path / "empty").mkdir()
    assert (export_dataset(made, tmp_path / "empty").path / "metadata.csv").is_file()
    with pytest.raises(OptionsError, match="Unknown layout “x”"):
        export_dataset(made, tmp_path / "new", layout="x")
    with pytest.raises(OptionsError, match="prompts has no clips"):
        export_dataset(made, tmp_path / "new", file_names=())


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("test-1-3f2a", "tests-1-3f2a"),
        ("my-val2", "my-vals2"),
        ("protest-valley-devil", "protest-valley-devil"),
        ("Train_Eval", "Trains_Evals"),
    ],
)
def test_no_file_name_looks_like_a_split(stem: str, expected: str) -> None:
    assert avoid_split_words(stem) == expected
