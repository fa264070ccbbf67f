"""`dataset split` and `dataset export` on the command line."""

from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from lab import dataset
from lab.cli.dataset_export import export_dataset
from lab.cli.dataset_split import split_dataset
from lab.core.workspace import Workspace
from lab.dataset import CORRECTED, SPLITS, Dataset

app = typer.Typer()
app.command("split")(split_dataset)
app.command("export")(export_dataset)


@pytest.fixture
def made(workspace: Workspace) -> Dataset:
    names = [(f"{number}.wav", b"%d" % number) for number in range(20)]
    made, _ = dataset.add(workspace, "shqip", names, language="sq")
    made.change(
        [
            (entry, replace(entry, transcription=f"Fjalia {number}", speaker=f"s{number // 2}"))
            for number, entry in enumerate(made.entries())
        ],
        what="corrected",
    )
    return made


def call(workspace: Workspace, *arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments), "--workspace", str(workspace.root)])


def test_a_dataset_is_split_and_the_table_says_so(made: Dataset, workspace: Workspace) -> None:
    done = call(workspace, "split", "shqip")
    assert done.exit_code == 0
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["SPLIT", "CLIPS", "HOURS", "SPEAKERS"],
        ["train", "16", "0.00", "8"],
        ["validation", "2", "0.00", "1"],
        ["test", "2", "0.00", "1"],
    ]
    assert "20 clips have another split" in done.stderr
    assert "0 before, 0 now" in done.stderr
    assert all(f",{split}," in (made.folder / "metadata.csv").read_text() for split in SPLITS)
    again = call(workspace, "split", "shqip", "--keep", "--shares", "50,25,25", "--seed", "3")
    assert "0 clips have another split" in again.stderr
    other = call(workspace, "split", "shqip", "--shares", "50,25,25", "--seed", "3")
    assert other.stdout.splitlines()[1].split()[:2] == ["train", "10"]


def test_a_dataset_is_exported(made: Dataset, workspace: Workspace, tmp_path: Path) -> None:
    done = call(workspace, "export", "shqip", "--output", tmp_path / "out.zip")
    assert done.stdout == f"{tmp_path / 'out.zip'}: 20 clips, 0.00 h\n"
    first = made.entries()[0]
    made.change([(first, replace(first, status=CORRECTED))], what="corrected")
    options = ("--output", tmp_path / "out", "--format", "nemo", "--only", "corrected")
    assert call(workspace, "export", "shqip", *options).stdout.endswith(": 1 clips, 0.00 h\n")
    assert (tmp_path / "out" / "manifest.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["split", "shqip", "--shares", "80:20"], "Write three numbers"),
        (["split", "gone"], "There is no dataset “gone”"),
        (["export", "shqip", "--output", "new", "--format", "mp3"], "“mp3” is no layout"),
        (["export", "shqip", "--output", "new", "--only", "new"], "--only “new” is unknown"),
        (["export", "shqip", "--output", __file__], "is there already"),
    ],
)
@pytest.mark.usefixtures("made")
def test_mistakes_cost_a_line(arguments: list[str], said: str, workspace: Workspace) -> None:
    done = call(workspace, *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not Path("new").exists()
