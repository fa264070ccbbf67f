"""`dataset split` and `dataset export` on the command line."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from lab import dataset
from lab.core.workspace import Workspace
from lab.dataset import CORRECTED, SPLITS, Dataset
from tests.support.commands import lab


@pytest.fixture
def made(workspace: Workspace) -> Dataset:
    names = [(f"{number}.wav", b"%d" % number) for number in range(20)]
    made, _ = dataset.add(workspace, "shqip", names, language="sq")
    made.change(
        [
            (entry, replace(entry, transcription=f"Fjalia {number}", speaker=f"s{number // 2}"))
            for number, entry in enumerate(made.clips())
        ],
        what="corrected",
    )
    return made


def call(workspace: Workspace, *arguments: object) -> Result:
    return lab("dataset", *arguments, "--workspace", workspace.root)


def test_a_dataset_is_split_and_the_sizes_are_printed(made: Dataset, workspace: Workspace) -> None:
    done = call(workspace, "split", "shqip")
    assert done.exit_code == 0
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["SPLIT", "CLIPS", "HOURS", "SPEAKERS"],
        ["train", "16", "0.00", "8"],
        ["validation", "2", "0.00", "1"],
        ["test", "2", "0.00", "1"],
    ]
    assert "20 clips moved to another split" in done.stderr
    assert "0 before, 0 now" in done.stderr
    assert all(f",{split}," in (made.folder / "metadata.csv").read_text() for split in SPLITS)
    again = call(
        workspace, "split", "shqip", "--keep-existing", "--ratios", "50,25,25", "--seed", "3"
    )
    assert "0 clips moved to another split" in again.stderr
    other = call(workspace, "split", "shqip", "--shares", "50,25,25", "--seed", "3")  # old name
    assert other.stdout.splitlines()[1].split()[:2] == ["train", "10"]


def test_a_dataset_is_exported(made: Dataset, workspace: Workspace, tmp_path: Path) -> None:
    done = call(workspace, "export", "shqip", "--output", tmp_path / "out.zip")
    assert done.stdout == f"{tmp_path / 'out.zip'}: 20 clips, 0.00 h\n"
    first = made.clips()[0]
    made.change([(first, replace(first, status=CORRECTED))], what="corrected")
    options = ("--output", tmp_path / "out", "--format", "nemo", "--only", "corrected")
    assert call(workspace, "export", "shqip", *options).stdout.endswith(": 1 clip, 0.00 h\n")
    assert (tmp_path / "out" / "manifest.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["split", "shqip", "--shares", "80:20"], "Give three numbers"),
        (["split", "gone"], "There is no dataset “gone”"),
        (["export", "shqip", "--output", "new", "--format", "mp3"], "Unknown layout “mp3”"),
        (["export", "shqip", "--output", "new", "--only", "new"], "Unknown --only “new”"),
        (["export", "shqip", "--output", __file__], "already exists"),
    ],
)
@pytest.mark.usefixtures("made")
def test_errors_are_one_line(arguments: list[str], said: str, workspace: Workspace) -> None:
    done = call(workspace, *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not Path("new").exists()
